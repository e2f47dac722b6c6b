"""The network of a cell as NAS-Bench-201 and NAS-Bench-360 train it: 2D, dense, 1D."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from kit.spaces.nas_bench_201.cell import EDGES, NODES, Cell
from kit.spaces.nas_bench_201.costs import CELLS, CHANNELS, STAGES
from kit.spaces.operations import PLAIN, Norm, ReluConvNorm, convolution, pool

MakeCell = Callable[[int, int], nn.Module]
"""Makes the module of a cell from the channels before and behind it."""


def operation(name: str, inputs: int, outputs: int, dims: int, norm: Norm = PLAIN) -> nn.Module:
    """Return an operation; where the channels differ, what has no convolution gets one of size 1.

    Args:
        name: one of the space's.
        inputs: channels before it.
        outputs: channels behind it.
        dims: 1 or 2.
        norm: what normalisations are like.

    Raises:
        ValueError: there is no such operation.
    """
    widens = inputs != outputs
    match name:
        case "none":
            return Nothing(outputs)
        case "skip_connect" if widens:
            return nn.Sequential(convolution(inputs, outputs, 1, dims), norm.layer(outputs, dims))
        case "skip_connect":
            return nn.Identity()
        case "nor_conv_1x1" | "nor_conv_3x3":
            return ReluConvNorm(inputs, outputs, dims, norm, kernel_size=int(name[-1]))
        case "avg_pool_3x3" if widens:
            before = ReluConvNorm(inputs, outputs, dims, norm)
            return nn.Sequential(before, pool(name, dims))
        case "avg_pool_3x3":
            return pool(name, dims)
    raise ValueError(f"there is no operation {name!r}")


class Nothing(nn.Module):
    """Zeros.

    Args:
        outputs: channels.
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, *sizes) -> (batch, outputs, *sizes)."""
        return x.new_zeros(len(x), self.outputs, *x.shape[2:])


class CellModule(nn.Module):
    """A cell with one operation an edge.

    Args:
        cell: what is on the edges.
        inputs: channels before it.
        outputs: channels of all nodes but the input.
        dims: 1 or 2.
    """

    def __init__(self, cell: Cell, inputs: int, outputs: int, dims: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(
            operation(name, outputs if source else inputs, outputs, dims)
            for (source, _), name in zip(EDGES, cell.operations, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, *sizes) -> (batch, outputs, *sizes)."""
        return summed(x, [*self.edges])


def summed(x: Tensor, edges: Sequence[Callable[[Tensor], Tensor]]) -> Tensor:
    """Return what the last node of a cell adds up, its edges given in the order of ``EDGES``."""
    nodes = [x]
    for node in range(1, NODES):
        values = [
            edge(nodes[source])
            for (source, target), edge in zip(EDGES, edges, strict=True)
            if target == node
        ]
        nodes.append(sum(values[1:], start=values[0]))
    return nodes[-1]


class Block(nn.Module):
    """A residual block that doubles the channels between two stages.

    Args:
        inputs: channels.
        outputs: channels.
        dims: 1 or 2.
        stride: 2 halves the map; 1 leaves it, and the shortcut is then ReLU, convolution, norm.
    """

    def __init__(self, inputs: int, outputs: int, dims: int, *, stride: int = 2) -> None:
        super().__init__()
        self.first = ReluConvNorm(inputs, outputs, dims, kernel_size=3, stride=stride)
        self.second = ReluConvNorm(outputs, outputs, dims, kernel_size=3)
        # Rounded up for maps of odd size, as the convolution does; the papers' are even.
        average = (nn.AvgPool1d if dims == 1 else nn.AvgPool2d)(2, 2, ceil_mode=True)
        self.shortcut = (
            ReluConvNorm(inputs, outputs, dims)
            if stride == 1
            else nn.Sequential(average, convolution(inputs, outputs, 1, dims))
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, *sizes) -> (batch, outputs, *sizes / stride)."""
        y: Tensor = self.second(self.first(x)) + self.shortcut(x)
        return y


class Skeleton(nn.Module):
    """What all networks of the space share: stem, three stages of cells, head.

    Args:
        make: makes a cell.
        between: makes what stands between two stages.
        inputs: channels of a sample.
        outputs: of a sample, or of each position if ``dense``.
        dims: 1 or 2.
        dense: the head is linear in each position.
        channels: of the first stage; they double from stage to stage.
        cells: of a stage.
    """

    def __init__(
        self,
        make: MakeCell,
        between: MakeCell,
        inputs: int,
        outputs: int,
        *,
        dims: int,
        dense: bool,
        channels: int,
        cells: int,
    ) -> None:
        super().__init__()
        if dims not in (1, 2):
            raise ValueError(f"dims is 1 or 2, not {dims}")
        self.dense = dense
        self.stem = nn.Sequential(
            convolution(inputs, channels, 3, dims), PLAIN.layer(channels, dims)
        )
        self.cells = nn.ModuleList()
        for stage in range(STAGES):
            if stage:
                self.cells.append(between(channels, 2 * channels))
                channels *= 2
            self.cells.extend(make(channels, channels) for _ in range(cells))
        self.last = nn.Sequential(PLAIN.layer(channels, dims), nn.ReLU())
        self.linear = nn.Linear(channels, outputs)

    def forward(self, x: Tensor, *how: Any) -> Tensor:
        """(batch, inputs, *sizes) -> (batch, outputs), or (batch, outputs, *sizes) if dense.

        What else is given goes to every cell.
        """
        x = self.stem(x)
        for cell in self.cells:
            x = cell(x) if isinstance(cell, Block) else cell(x, *how)
        x = self.last(x)
        if self.dense:
            y: Tensor = self.linear(x.movedim(1, -1))
            return y.movedim(-1, 1)
        y = self.linear(x.flatten(2).mean(2))
        return y


class CellNetwork(Skeleton):
    """The network of a cell.

    Where it is dense, nothing halves the map, and the two cells that double the channels are
    searched ones, too [NAS-Bench-360, Darcy Flow]; residual blocks do so elsewhere.

    Args:
        cell: as ``Cell.of`` takes it.
        inputs: channels of a sample.
        outputs: of a sample, or of each position if ``dense``.
        dims: 1 or 2.
        dense: an output for each position.
        channels: of the first stage.
        cells: of a stage.

    Raises:
        ValueError: no cell, or dims other than 1 and 2.
    """

    def __init__(
        self,
        cell: Cell | str | int,
        inputs: int,
        outputs: int,
        *,
        dims: int = 2,
        dense: bool = False,
        channels: int = CHANNELS,
        cells: int = CELLS,
    ) -> None:
        found = Cell.of(cell)

        def make(before: int, behind: int) -> nn.Module:
            return CellModule(found, before, behind, dims)

        def block(before: int, behind: int) -> nn.Module:
            return Block(before, behind, dims)

        super().__init__(
            make,
            make if dense else block,
            inputs,
            outputs,
            dims=dims,
            dense=dense,
            channels=channels,
            cells=cells,
        )
