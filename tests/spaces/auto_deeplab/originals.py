"""Weights as the original code was given them, and the numbers that it gave."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kit.bench.auto_deeplab_reference import edge_weights
from kit.spaces.auto_deeplab.layout import sources
from kit.spaces.auto_deeplab.network import TrellisNetwork
from kit.spaces.auto_deeplab.supernet import SearchCell, TrellisSupernet
from kit.spaces.names import OPERATIONS

VALUES: Any = json.loads(Path(__file__).with_name("values.json").read_text())
Weight = tuple[str, Tensor]


def named(rows: list[list[int]]) -> list[list[Any]]:
    """Return the rows of a cell with the names of operations."""
    return [[edge, OPERATIONS[operation]] for edge, operation in rows]


def by_place(kind: str, *shape: int) -> Tensor:
    """Return (*shape) of a function of the place k of each number, rounded to float32."""
    k = torch.arange(math.prod(shape), dtype=torch.float64)
    values = {"0": 0 * k, "sin k": k.sin(), "cos 1.7 k": (1.7 * k).cos(), "7 k mod 11": 7 * k % 11}
    return values[kind].float().double().reshape(shape)


def inputs(*shape: int) -> Tensor:
    """Return the input (*shape) of all outputs."""
    return torch.arange(math.prod(shape), dtype=torch.float64).cos().reshape(shape)


def fill(weights: Iterable[Weight]) -> None:
    """Give weights values by their places, counted over all of them in the original's order."""
    k = 0
    for kind, weight in weights:
        wave = torch.arange(k, k + weight.numel(), dtype=torch.float64).sin().reshape(weight.shape)
        k += weight.numel()
        fan_in = weight.numel() / len(weight)
        scaled = {"bias": 0.1 * wave, "norm": 1 + 0.1 * wave}
        weight.data.copy_(scaled.get(kind, wave * math.sqrt(2 / fan_in)))


def of_supernet(network: TrellisSupernet) -> Iterator[Weight]:
    """Yield its weights in the original's order: cells, stem, pyramids."""
    layers: Any = network.layers
    for cells in layers:
        for cell in cells:
            yield from _of_cell(cell)
    yield from _of_modules(network.stem, network.pyramids)


def of_network(network: TrellisNetwork) -> Iterator[Weight]:
    """Yield the weights of a network whose operations are in the order of its rows."""
    yield from _of_modules(network.cells, network.stem)
    pyramid, decoder = network.pyramid, network.decoder
    views = [*pyramid.views, pyramid.mean]
    for place in (0, 1):
        yield from _of_modules(*(view[place] for view in views))
    yield from _of_modules(pyramid.join, decoder.early, decoder.first, decoder.second)
    yield from _of_modules(decoder.answer)


def _of_cell(cell: SearchCell) -> Iterator[Weight]:
    yield from _of_modules(cell.last)
    if cell.before_last is not None:
        yield from _of_modules(cell.before_last)
    for step in range(cell.steps):
        for state in sources(step):
            if str(state) in cell.candidates:
                for weights in edge_weights(cell, step, state).values():
                    yield from (("conv", weight) for weight in weights)


def _of_modules(*modules: nn.Module) -> Iterator[Weight]:
    for module in modules:
        for layer in module.modules():
            norm = isinstance(layer, nn.BatchNorm2d)
            for name, weight in layer.named_parameters(recurse=False):
                yield "bias" if name == "bias" else "norm" if norm else "conv", weight
