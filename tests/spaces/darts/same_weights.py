"""Setting the kit's supernet to the weights of the one that is written module by module."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from kit.bench.darts_reference import MixedOperation, ReferenceCell, ReferenceSupernet
from kit.spaces.darts.supernet import ORDER, DartsSupernet, SupernetCell
from kit.spaces.names import OPERATIONS
from kit.spaces.operations import FactorizedReduce


def pairs(supernet: DartsSupernet, reference: ReferenceSupernet) -> list[tuple[Tensor, Tensor]]:
    """Return each part of the supernet's weights with the reference's tensor that it stands for."""
    found: list[tuple[Tensor, Tensor]] = []
    for name in ("stem", "linear", "mixtures"):
        ours, theirs = getattr(supernet, name), getattr(reference, name)
        found += zip(ours.parameters(), theirs.parameters(), strict=True)
    for mine, other in zip(supernet.cells, reference.cells, strict=True):
        found += of_cell(cast("SupernetCell", mine), cast("ReferenceCell", other))
    return found


def of_cell(mine: SupernetCell, other: ReferenceCell) -> list[tuple[Tensor, Tensor]]:
    found: list[tuple[Tensor, Tensor]] = []
    for name in ("preprocess0", "preprocess1"):
        ours, theirs = getattr(mine, name), getattr(other, name)
        found += zip(ours.parameters(), theirs.parameters(), strict=True)
    weights = mine.weights
    for place, edge in enumerate(ORDER):
        operations = cast("MixedOperation", other.edges[edge]).operations
        for name, module in zip(OPERATIONS, operations, strict=True):
            convolutions = [
                each.weight for each in module.modules() if isinstance(each, nn.Conv1d | nn.Conv2d)
            ]
            if isinstance(module, FactorizedReduce):
                halves = zip(weights.skips, convolutions, strict=True)
                found += [(half[place], theirs) for half, theirs in halves]
            elif convolutions:
                keys = [name, f"{name}_again"][: len(convolutions) // 2]
                for key, (depthwise, pointwise) in zip(
                    keys, zip(convolutions[::2], convolutions[1::2], strict=True), strict=True
                ):
                    found.append((weights.depthwise[key][place], depthwise))
                    found.append((weights.pointwise[key][place], pointwise))
    return found


@torch.no_grad()
def copy(supernet: DartsSupernet, reference: ReferenceSupernet) -> None:
    """Give the supernet the reference's weights."""
    for ours, theirs in pairs(supernet, reference):
        ours.copy_(theirs.view_as(ours))
