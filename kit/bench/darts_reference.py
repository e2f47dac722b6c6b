"""The supernet of PC-DARTS module by module, as papers describe it: what the kit's is held to.

Each edge has its own eight operations and nothing is shared. The order of its parameters is that of
the authors' programs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kit.spaces.darts.layout import STEM_FACTOR, CellPlace, cell_places
from kit.spaces.darts.mixture import EDGES_OF_NODES, Mixture, Mixtures
from kit.spaces.darts.network import head
from kit.spaces.names import OPERATIONS
from kit.spaces.operations import PLAIN, Norm, Reduction, convolution, operation

UNSCALED = Norm(affine=False)


class MixedOperation(nn.Module):
    """All operations on a quarter of the channels; the others pass."""

    def __init__(self, channels: int, dims: int, stride: int, reduction: Reduction) -> None:
        super().__init__()
        self.quarter = channels // 4
        self.operations = nn.ModuleList(
            operation(
                name,
                self.quarter,
                dims,
                stride=stride,
                norm=UNSCALED,
                pool_norm=UNSCALED,
                reduction=reduction,
            )
            for name in OPERATIONS
        )
        pooling = nn.MaxPool1d if dims == 1 else nn.MaxPool2d
        self.passing = nn.Identity() if stride == 1 else pooling(2, 2, ceil_mode=True)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """Return the mixture of a state, (batch, channels, *sizes), by (8,) weights."""
        mine, others = x[:, : self.quarter], x[:, self.quarter :]
        pairs = zip(weights, self.operations, strict=True)
        mixed = sum((weight * module(mine) for weight, module in pairs), torch.zeros(()))
        y = torch.cat([mixed, self.passing(others)], dim=1)
        groups = y.view(len(y), 4, self.quarter, *y.shape[2:])
        return groups.transpose(1, 2).reshape(y.shape)


class ReferenceCell(nn.Module):
    """All edges of a cell, one after the other."""

    def __init__(self, place: CellPlace, dims: int, reduction: Reduction) -> None:
        super().__init__()
        self.preprocess0, self.preprocess1 = place.inputs(dims, reduction, UNSCALED)
        self.edges = nn.ModuleList(
            MixedOperation(place.channels, dims, 2 if place.halves and source < 2 else 1, reduction)
            for count in EDGES_OF_NODES
            for source in range(count)
        )

    def forward(self, before_last: Tensor, last: Tensor, mixture: Mixture) -> Tensor:
        """Return the nodes' channels together."""
        states = [self.preprocess0(before_last), self.preprocess1(last)]
        edge = 0
        for count in EDGES_OF_NODES:
            terms = [
                mixture.edges[edge + source]
                * self.edges[edge + source](states[source], mixture.operations[edge + source])
                for source in range(count)
            ]
            states.append(torch.stack(terms).sum(0))
            edge += count
        return torch.cat(states[2:], dim=1)


class ReferenceSupernet(nn.Module):
    """The supernet; its arguments are those of ``kit.spaces.darts.supernet.DartsSupernet``."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        mixtures: Mixtures | None = None,
        dims: int = 2,
        dense: bool = False,
        channels: int = 16,
        layers: int = 8,
        reduction: Reduction = "shifted",
    ) -> None:
        super().__init__()
        width = STEM_FACTOR * channels
        self.stem = nn.Sequential(convolution(inputs, width, 3, dims), PLAIN.layer(width, dims))
        places = cell_places(channels, layers, dense=dense)
        self.kinds = ["reduce" if place.halves else "normal" for place in places]
        self.cells = nn.ModuleList(ReferenceCell(place, dims, reduction) for place in places)
        self.linear = nn.Linear(4 * places[-1].channels, outputs)
        self.dense = dense
        self.mixtures = Mixtures() if mixtures is None else mixtures

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, *sizes) -> (batch, outputs), or (batch, outputs, *sizes) if dense."""
        states = [self.stem(x)] * 2
        for kind, cell in zip(self.kinds, self.cells, strict=True):
            states = [states[1], cell(*states, self.mixtures(kind))]
        return head(states[1], self.linear, dense=self.dense)
