"""Auto-DeepLab's supernet module by module: each edge of each call of a cell by itself."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from kit.spaces.auto_deeplab.layout import first_edge, sources
from kit.spaces.auto_deeplab.supernet import SearchCell, TrellisSupernet
from kit.spaces.names import OPERATIONS
from kit.spaces.operations import Norm, ReluConvNorm, operation

FREE = Norm(affine=False)


class ReferenceCell(nn.Module):
    """What a ``SearchCell`` computes, with its weights copied."""

    def __init__(self, cell: SearchCell) -> None:
        super().__init__()
        self.origins, self.steps = cell.origins, cell.steps
        self.last = nn.ModuleList(_preprocess(layer) for layer in cell.last)
        self.before_last = None if cell.before_last is None else _preprocess(cell.before_last)
        self.edges = nn.ModuleDict()
        for step in range(cell.steps):
            for state in sources(step):
                if str(state) in cell.candidates:
                    name = str(first_edge(step) + state)
                    self.edges[name] = _candidates(cell, step, state)

    def forward(
        self, before_last: Tensor | None, last: Mapping[int, Tensor], mixture: Tensor
    ) -> Tensor:
        """Return (batch, calls, channels x steps, h, w), as ``SearchCell`` does."""
        first = None
        if self.before_last is not None and before_last is not None:
            first = self.before_last(before_last)
        calls = []
        for origin, layer in zip(self.origins, self.last, strict=True):
            states = [first, layer(last[origin])]
            for step in range(self.steps):
                states.append(self._state(step, states, mixture))
            calls.append(torch.cat([each for each in states[2:] if each is not None], dim=1))
        return torch.stack(calls, dim=1)

    def _state(self, step: int, states: list[Tensor | None], mixture: Tensor) -> Tensor:
        parts = []
        for state, value in zip(sources(step), states, strict=True):
            edge = first_edge(step) + state
            if value is not None:
                layers = self.edges[str(edge)]
                parts += [
                    weight * layer(value)
                    for weight, layer in zip(mixture[edge], layers.children(), strict=True)
                ]
        return torch.stack(parts).sum(0)


def reference(network: TrellisSupernet) -> TrellisSupernet:
    """Return a supernet with the same weights whose cells are computed module by module."""
    made = copy.deepcopy(network)
    layers: Any = made.layers
    made.layers = nn.ModuleList(
        nn.ModuleList(ReferenceCell(cell) for cell in cells) for cells in layers
    )
    return made.to(network.betas)


def edge_weights(cell: SearchCell, step: int, state: int) -> dict[str, list[Tensor]]:
    """Return the weights of each candidate of one edge, in the order in which they are used."""
    part: Any = cell.candidates[str(state)]
    edge, channels, edges = step - max(0, state - 1), part.channels, part.edges

    def of(layer: nn.Conv2d, kind: int = 0) -> Tensor:
        first = (kind * edges + edge) * channels
        return layer.weight[first : first + channels]

    found = {}
    for kind, name in enumerate(OPERATIONS[4:]):
        found[name] = [of(part.spread[kind]), of(part.blend, kind)]
        if kind < 2:
            found[name] += [of(part.spread_again[kind]), of(part.blend_again, kind)]
    return found


def _preprocess(layer: Any) -> nn.Module:
    made = ReluConvNorm(layer.convolution.in_channels, layer.convolution.out_channels, 2, norm=FREE)
    made[1].weight.data = layer.convolution.weight.data
    return made


def _candidates(cell: SearchCell, step: int, state: int) -> nn.ModuleList:
    weights, channels = edge_weights(cell, step, state), cell.channels
    layers = nn.ModuleList()
    for name in OPERATIONS:
        layer = operation(name, channels, 2, norm=FREE, pool_norm=FREE)
        own = [each for each in layer.modules() if isinstance(each, nn.Conv2d)]
        for convolution, weight in zip(own, weights.get(name, []), strict=True):
            convolution.weight.data = weight.detach().clone()
        layers.append(layer)
    return layers
