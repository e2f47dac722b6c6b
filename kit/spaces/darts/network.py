"""The network of a genotype, as PC-DARTS and NAS-Bench-360 evaluate it: 2D, dense, 1D."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.spaces.darts.genotype import EDGES_PER_NODE, INPUTS, NODES, Edge, Genotype
from kit.spaces.darts.layout import STEM_FACTOR, CellPlace, cell_places
from kit.spaces.operations import PLAIN, Norm, Reduction, convolution, operation

# What PyTorch calls the momentum of 0.999 keeps practically the last batch alone.
LAST_BATCH = Norm(momentum=0.999, eps=1e-3)
"""The released code's normalisation: of the whole network but its stem, or of ``preprocess``."""


class Cell(nn.Module):
    """One cell of the final network.

    Args:
        edges: the genotype's, two a node.
        place: where it stands.
        dims: 1 or 2.
        reduction: what reductions without kernel read.
        entry: normalisation of the two inputs.
        norm: that of the operations.
    """

    def __init__(
        self,
        edges: Sequence[Edge],
        place: CellPlace,
        dims: int,
        *,
        reduction: Reduction,
        entry: Norm,
        norm: Norm,
    ) -> None:
        super().__init__()
        self.preprocess0, self.preprocess1 = place.inputs(dims, reduction, norm, entry)
        self.sources = [source for _, source in edges]
        self.operations = nn.ModuleList(
            operation(
                name,
                place.channels,
                dims,
                stride=2 if place.halves and source < INPUTS else 1,
                norm=norm,
                reduction=reduction,
            )
            for name, source in edges
        )

    def forward(self, before_last: Tensor, last: Tensor, drop: float) -> Tensor:
        """Return the nodes' channels together, the map halved in a reduction cell.

        Args:
            before_last: (batch, channels, *sizes), of the cell before the last one.
            last: of the cell before.
            drop: probability with which a path is left out, in training alone.
        """
        states = [self.preprocess0(before_last), self.preprocess1(last)]
        paths = [*zip(self.operations, self.sources, strict=True)]
        for first in range(0, len(paths), EDGES_PER_NODE):
            values = []
            for module, source in paths[first : first + EDGES_PER_NODE]:
                value = module(states[source])
                if drop > 0 and self.training and not isinstance(module, nn.Identity):
                    value = drop_path(value, drop)
                values.append(value)
            states.append(values[0] + values[1])
        return torch.cat(states[INPUTS:], dim=1)


class AuxiliaryHead(nn.Module):
    """A second head of PC-DARTS's CIFAR network, for maps of 8 × 8.

    Args:
        channels: that it reads.
        outputs: as the network's own.
    """

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.ReLU(),
            nn.AvgPool2d(5, stride=3, padding=0, count_include_pad=False),
            nn.Conv2d(channels, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, 2, bias=False),
            nn.BatchNorm2d(768),
            nn.ReLU(),
        )
        self.linear = nn.Linear(768, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, 8, 8) -> (batch, outputs)."""
        y: Tensor = self.linear(self.features(x).flatten(1))
        return y


class DartsNetwork(nn.Module):
    """The network of a genotype.

    In training mode it answers with (outputs, those of the auxiliary head) where it has one.

    Args:
        genotype: its cells.
        inputs: channels of a sample.
        outputs: of a sample, or of each position if ``dense``.
        dims: 1 or 2.
        dense: no cell halves the map, and all have the same width.
        channels: of a node in the first cells.
        layers: cells; those at a third and two thirds halve the map and double the width.
        reduction: what reductions without kernel read.
        entry: normalisation of cells' inputs; None for that of the operations.
        norm: normalisation of the operations.
        auxiliary: a second head behind the last reduction.
    """

    def __init__(
        self,
        genotype: Genotype,
        inputs: int,
        outputs: int,
        *,
        dims: int = 2,
        dense: bool = False,
        channels: int = 36,
        layers: int = 20,
        reduction: Reduction = "shifted",
        entry: Norm | None = None,
        norm: Norm = PLAIN,
        auxiliary: bool = False,
    ) -> None:
        super().__init__()
        self.drop = 0.0
        """Probability with which a path is left out in training."""
        width = STEM_FACTOR * channels
        self.stem = nn.Sequential(convolution(inputs, width, 3, dims), PLAIN.layer(width, dims))
        places = cell_places(channels, layers, dense=dense)
        self.cells = nn.ModuleList(
            Cell(
                genotype.reduce if place.halves else genotype.normal,
                place,
                dims,
                reduction=reduction,
                entry=entry or norm,
                norm=norm,
            )
            for place in places
        )
        self.linear = nn.Linear(NODES * places[-1].channels, outputs)
        self.dense = dense
        self.fork = 2 * layers // 3
        width = NODES * places[self.fork].channels
        self.auxiliary = AuxiliaryHead(width, outputs) if auxiliary else None

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """(batch, inputs, *sizes) -> (batch, outputs), or (batch, outputs, *sizes) if dense."""
        states, other = [self.stem(x)] * 2, None
        for number, cell in enumerate(self.cells):
            states = [states[1], cell(*states, self.drop)]
            if self.auxiliary is not None and self.training and number == self.fork:
                other = self.auxiliary(states[1])
        y = head(states[1], self.linear, dense=self.dense)
        return y if other is None else (y, other)


def head(x: Tensor, linear: nn.Module, *, dense: bool) -> Tensor:
    """Apply a linear layer to each position, or to the mean over all of them."""
    if dense:
        y: Tensor = linear(x.movedim(1, -1))
        return y.movedim(-1, 1)
    y = linear(F.adaptive_avg_pool1d(x.flatten(2), 1).flatten(1))
    return y


def drop_path(x: Tensor, probability: float) -> Tensor:
    """Zero samples of a path with a probability, and scale the others by what that takes away."""
    keep = 1 - probability
    mask = x.new_empty(len(x), *[1] * (x.dim() - 1)).bernoulli_(keep)
    return x / keep * mask
