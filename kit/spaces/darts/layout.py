"""The sequence of cells in a network of DARTS's space, both supernet and final network."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from kit.errors import plain
from kit.search import arguments
from kit.spaces.darts.genotype import NODES
from kit.spaces.operations import FactorizedReduce, Norm, Reduction, ReluConvNorm

STEM_FACTOR = 3
"""Channels of the stem, as a multiple of those of a node in the first cells."""


@dataclass(frozen=True)
class CellPlace:
    """The place of a cell in the network.

    Attributes:
        before_last: channels of the cell's first input: the cell before the last one, or the stem.
        last: channels of its second input: the previous cell, or the stem.
        channels: number of channels of each node.
        halves: whether it is a reduction cell, which halves the map.
        after_reduction: whether the previous cell is a reduction cell.
    """

    before_last: int
    last: int
    channels: int
    halves: bool
    after_reduction: bool

    def inputs(
        self, dims: int, reduction: Reduction, norm: Norm, entry: Norm | None = None
    ) -> tuple[nn.Module, nn.Module]:
        """Return the layers that bring each input to a node's channels and both to the same size.

        Args:
            dims: 1 or 2.
            reduction: which positions a ``FactorizedReduce`` reads.
            norm: the normalisation of a ``FactorizedReduce``.
            entry: the normalisation of other inputs; None for ``norm``.
        """
        width, entry = self.channels, entry or norm
        return (
            FactorizedReduce(self.before_last, width, dims, reduction=reduction, norm=norm)
            if self.after_reduction
            else ReluConvNorm(self.before_last, width, dims, entry),
            ReluConvNorm(self.last, width, dims, entry),
        )


def check_sizes(dims: int, reduction: Reduction, **sizes: int) -> None:
    """Check what the networks of the space are made from.

    Args:
        dims: 1 or 2.
        reduction: which positions a ``FactorizedReduce`` reads.
        sizes: channels, layers and the like by their names.

    Raises:
        ValueError: one is of another type or out of range.
    """
    arguments.check_whole(**sizes)
    arguments.check_words(Reduction, reduction=reduction)
    if not arguments.is_whole(dims, 1) or dims > 2:
        raise ValueError(f"dims is 1 or 2, not {plain(repr(dims))}")


def cell_places(channels: int, layers: int, *, dense: bool) -> list[CellPlace]:
    """Return the places of all cells; those at a third and two thirds halve the map.

    Args:
        channels: channels of a node in the first cells; each halving of the map doubles them.
        layers: number of cells.
        dense: whether no cell halves the map.
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
