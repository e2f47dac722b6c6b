"""The network of a genotype, as PC-DARTS and NAS-Bench-360 train it: 2D, dense or 1D."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.spaces.darts.genotype import EDGES_PER_NODE, INPUTS, NODES, Edge, Genotype
from kit.spaces.darts.layout import STEM_FACTOR, CellPlace, cell_places, check_sizes
from kit.spaces.operations import PLAIN, Norm, Reduction, convolution, operation

# In PyTorch, a momentum of 0.999 makes the running statistics almost those of the last batch.
LAST_BATCH = Norm(momentum=0.999, eps=1e-3)
"""The normalisation of the released code, used in all cells or only for their inputs."""


class Cell(nn.Module):
    """One cell of the final network.

    Args:
        edges: (operation, source) of the genotype's edges, two for each node.
        place: the cell's place in the network.
        dims: 1 or 2.
        reduction: which positions a ``FactorizedReduce`` reads.
        entry: normalisation of the two inputs.
        norm: normalisation of the operations.
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
        """Return the concatenated nodes, (batch, 4 * node channels, *sizes).

        A reduction cell halves the sizes of the previous cell, rounded up.

        Args:
            before_last: (batch, channels, *sizes), output of the cell before the last one.
            last: output of the previous cell.
            drop: probability with which each path is dropped for a sample in training mode.
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
    """The auxiliary head of PC-DARTS's CIFAR network, for maps of 8 × 8.

    Args:
        channels: number of channels of its input.
        outputs: as many as the network's.
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

    With an auxiliary head, it returns (outputs, outputs of the auxiliary head) in training mode.

    Args:
        genotype: its cells.
        inputs: channels of a sample.
        outputs: classes or numbers for a sample, or for each position if ``dense``.
        dims: 1 or 2.
        dense: whether it returns outputs for each position; then no cell halves the map or doubles
            the channels.
        channels: channels of a node in the first cells.
        layers: number of cells; those at a third and two thirds halve the map and double the
            channels.
        reduction: which positions a ``FactorizedReduce`` reads.
        entry: normalisation of the cells' inputs; None for ``norm``.
        norm: normalisation of the operations.
        auxiliary: whether there is an auxiliary head after the last reduction cell, for training.

    Raises:
        ValueError: an argument is out of range or of another type.
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
        if not isinstance(genotype, Genotype):
            raise ValueError(
                "genotype is a Genotype, such as load_genotype returns, not "
                f"{type(genotype).__name__}"
            )
        check_sizes(
            dims, reduction, inputs=inputs, outputs=outputs, channels=channels, layers=layers
        )
        self.drop = 0.0
        """Probability with which each path is dropped for a sample in training mode."""
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
        states, auxiliary = [self.stem(x)] * 2, None
        for number, cell in enumerate(self.cells):
            states = [states[1], cell(*states, self.drop)]
            if self.auxiliary is not None and self.training and number == self.fork:
                auxiliary = self.auxiliary(states[1])
        y = head(states[1], self.linear, dense=self.dense)
        return y if auxiliary is None else (y, auxiliary)


def head(x: Tensor, linear: nn.Module, *, dense: bool) -> Tensor:
    """Apply a linear layer to each position if ``dense``, else to the mean over all positions."""
    if dense:
        y: Tensor = linear(x.movedim(1, -1))
        return y.movedim(-1, 1)
    y = linear(F.adaptive_avg_pool1d(x.flatten(2), 1).flatten(1))
    return y


def drop_path(x: Tensor, probability: float) -> Tensor:
    """Set samples of a path to 0 with a probability, and divide the others by 1 - probability."""
    keep = 1 - probability
    mask = x.new_empty(len(x), *[1] * (x.dim() - 1)).bernoulli_(keep)
    return x / keep * mask
