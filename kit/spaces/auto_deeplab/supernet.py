"""The supernet: all cells of the trellis with all operations (Auto-DeepLab, section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.search import arguments
from kit.spaces.auto_deeplab.candidates import CallNorm, Candidates
from kit.spaces.auto_deeplab.layout import (
    LAYERS,
    LEVELS,
    STEPS,
    Layer1Beta,
    first_edge,
    levels,
)
from kit.spaces.auto_deeplab.network import initialise, stem
from kit.spaces.auto_deeplab.pyramid import SEARCH_DILATIONS, SearchPyramid
from kit.spaces.auto_deeplab.resizing import halved, resize
from kit.spaces.names import OPERATIONS

# Level before a step minus level after it: from the finer, the same, the coarser level.
ORIGINS = (-1, 0, 1)


class Preprocess(nn.Module):
    """ReLU, 1x1 convolution, norm without parameters.

    Args:
        inputs: channels.
        outputs: channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.norm = CallNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, h, w) -> (batch, 1, outputs, h, w)."""
        y: Tensor = self.norm(self.convolution(x.relu())[:, None])
        return y


class SearchCell(nn.Module):
    """A cell of the supernet, which is called for each level from which its second input can come.

    Args:
        channels: number of channels of each step; the output has those of all steps.
        steps: number of steps.
        origins: level of the second input minus level of the cell -> channels of that input.
        before_last: channels of the first input; None if the cell has none.
    """

    def __init__(
        self, channels: int, steps: int, origins: Mapping[int, int], before_last: int | None
    ) -> None:
        super().__init__()
        self.channels, self.steps, self.origins = channels, steps, tuple(origins)
        self.last = nn.ModuleList(Preprocess(inputs, channels) for inputs in origins.values())
        self.before_last = None if before_last is None else Preprocess(before_last, channels)
        self.candidates = nn.ModuleDict(
            {
                str(state): Candidates(channels, len(self._fed(state)))
                for state in range(0 if self.before_last else 1, steps + 1)
            }
        )

    def forward(
        self, before_last: Tensor | None, last: Mapping[int, Tensor], mixture: Tensor
    ) -> Tensor:
        """Return (batch, calls, channels x steps, h, w), with one call for each origin.

        Args:
            before_last: the first input, (batch, channels, h, w); None if the cell has none.
            last: origin -> second input, (batch, channels, h, w), resized to the cell's resolution.
            mixture: (edges, operations), weights of the operations.
        """
        parts = [layer(last[origin]) for origin, layer in zip(self.origins, self.last, strict=True)]
        states = {1: torch.cat(parts, dim=1)}
        if self.before_last is not None and before_last is not None:
            # The same in all calls, so that its operations are computed once.
            states[0] = self.before_last(before_last)
        for name, layer in self.candidates.items():
            state = int(name)
            steps = self._fed(state)
            # An index by a list would be copied to a GPU, and the CPU would wait for that.
            weights = torch.stack([mixture[first_edge(step) + state] for step in steps])
            results = layer(states[state], weights, 1 if state else len(self.origins))
            for step, part in zip(steps, results.unbind(2), strict=True):
                total = states.get(step + 2)
                states[step + 2] = part if total is None else total + part
        return torch.cat([states[step + 2] for step in range(self.steps)], dim=2)

    def _fed(self, state: int) -> range:
        """Return the steps that read a state."""
        return range(max(0, state - 1), self.steps)


class TrellisSupernet(nn.Module):
    """All paths and operations at once, weighted by the softmax of ``betas`` and of ``alphas``.

    Attributes:
        alphas: (edges, operations), logits of the operations on each edge.
        betas: (layers, levels, 3), logits of the steps up, same and down from each level.

    Args:
        inputs: channels of a sample.
        outputs: numbers that the network returns for each position.
        filters: channels of each step of a cell on level 0, twice as many on each coarser level.
        layers: number of layers of the trellis.
        steps: number of steps of a cell.
        layer_1_beta: see ``layout.Layer1Beta``.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        filters: int = 8,
        layers: int = LAYERS,
        steps: int = STEPS,
        layer_1_beta: Layer1Beta = "same",
    ) -> None:
        super().__init__()
        arguments.check_whole(inputs=inputs, outputs=outputs, filters=filters)
        arguments.check_whole(layers=layers, steps=steps)
        arguments.check_words(Layer1Beta, layer_1_beta=layer_1_beta)
        widths = [filters * steps << level for level in range(LEVELS)]
        self.stem = stem(inputs, [widths[0] // 2, widths[0] // 2, widths[0]])
        self.layers = nn.ModuleList()
        for layer in range(layers):
            cells = nn.ModuleList()
            for level in levels(layer):
                origins = {
                    origin: widths[level + origin]
                    for origin in ORIGINS
                    if level + origin in levels(layer - 1)
                }
                early = layer > 0 and level in levels(layer - 2)
                first = widths[level] if early else None
                cells.append(SearchCell(filters << level, steps, origins, first))
            self.layers.append(cells)
        self.pyramids = nn.ModuleList(
            SearchPyramid(width, outputs, dilation)
            for width, dilation in zip(widths, SEARCH_DILATIONS, strict=True)
        )
        self.layer_1_beta = layer_1_beta
        initialise(self)
        self.alphas = nn.Parameter(1e-3 * torch.randn(first_edge(steps), len(OPERATIONS)))
        self.betas = nn.Parameter(1e-3 * torch.randn(layers, LEVELS, 3))

    @property
    def weights(self) -> list[nn.Parameter]:
        """All parameters other than alphas and betas."""
        architecture = {id(each) for each in self.architecture_parameters}
        return [each for each in self.parameters() if id(each) not in architecture]

    @property
    def architecture_parameters(self) -> list[nn.Parameter]:
        """Alphas and betas."""
        return [self.alphas, self.betas]

    def chances(self) -> Tensor:
        """Return the probabilities (layers, levels, 3) of steps; see ``decoding.normalise``."""
        first = F.pad(self.betas[:, :1, 1:].softmax(-1) * (2 / 3), (1, 0))
        last = F.pad(self.betas[:, -1:, :2].softmax(-1) * (2 / 3), (0, 1))
        return torch.cat([first, self.betas[:, 1:-1].softmax(-1), last], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, h, w) -> (batch, outputs, h, w), where h and w are at least 32."""
        mixture, chances = self.alphas.softmax(-1), self.chances()
        y = x
        for layer in self.stem:
            y = layer(y)
        sizes = [list(y.shape[2:])]
        while len(sizes) < LEVELS:
            sizes.append([halved(side) for side in sizes[-1]])
        before_last: dict[int, Tensor] = {}
        last = {0: y}
        cells: Any
        for number, cells in enumerate(self.layers):
            outputs = {}
            for level, cell in enumerate(cells):
                inputs = {o: resize(last[level + o], sizes[level]) for o in cell.origins}
                calls = cell(before_last.get(level), inputs, mixture)
                outputs[level] = self._joined(calls, number, level, cell.origins, chances)
            before_last, last = last, outputs
        answers = [resize(self.pyramids[level](last[level]), x.shape[2:]) for level in last]
        return torch.stack(answers).sum(0)

    def _joined(
        self, calls: Tensor, layer: int, level: int, origins: Sequence[int], chances: Tensor
    ) -> Tensor:
        """Return the sum of a cell's calls, each weighted by the probability of its step.

        Args:
            calls: what the cell returned.
            layer: layer of the cell, from 0.
            level: level of the cell.
            origins: origins of the calls.
            chances: probabilities (layers, levels, 3) of the steps.
        """
        columns = [1 - origin for origin in origins]
        if layer == level == 1 and self.layer_1_beta == "down":
            columns[origins.index(0)] = 2
        total = torch.zeros((), dtype=calls.dtype, device=calls.device)
        for call, origin, column in zip(calls.unbind(1), origins, columns, strict=True):
            total = total + chances[layer, level + origin, column] * call
        return total
