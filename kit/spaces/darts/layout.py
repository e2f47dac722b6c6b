"""How cells follow each other in a network of DARTS's space, searched or final."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from kit.spaces.darts.genotype import NODES
from kit.spaces.operations import FactorizedReduce, Norm, Reduction, ReluConvNorm

STEM_FACTOR = 3
"""The stem has so many times the channels of a node in the first cells."""


@dataclass(frozen=True)
class CellPlace:
    """What a cell has to know of where it stands.

    Attributes:
        before_last: channels of the cell before the last one, or of the stem.
        last: channels of the cell before, or of the stem.
        channels: of each node.
        halves: it is a reduction cell.
        after_reduction: the cell before was one.
    """

    before_last: int
    last: int
    channels: int
    halves: bool
    after_reduction: bool

    def inputs(
        self, dims: int, reduction: Reduction, norm: Norm, entry: Norm | None = None
    ) -> tuple[nn.Module, nn.Module]:
        """Return what brings both inputs to a node's channels and to the same map.

        Args:
            dims: 1 or 2.
            reduction: what a reduction without kernel reads.
            norm: its normalisation.
            entry: that of inputs that are not reduced, if it is another one.
        """
        width, other = self.channels, entry or norm
        return (
            FactorizedReduce(self.before_last, width, dims, reduction=reduction, norm=norm)
            if self.after_reduction
            else ReluConvNorm(self.before_last, width, dims, other),
            ReluConvNorm(self.last, width, dims, other),
        )


def cell_places(channels: int, layers: int, *, dense: bool) -> list[CellPlace]:
    """Return the places of all cells; those at a third and two thirds halve the map.

    Args:
        channels: of a node in the first cells; each halving doubles them.
        layers: how many cells.
        dense: no cell halves the map.
    """
    halving = () if dense else (layers // 3, 2 * layers // 3)
    places: list[CellPlace] = []
    widths = [STEM_FACTOR * channels] * 2
    for number in range(layers):
        halves = number in halving
        channels *= 2 if halves else 1
        after = bool(places) and places[-1].halves
        places.append(CellPlace(widths[-2], widths[-1], channels, halves, after))
        widths.append(NODES * channels)
    return places
