"""The network of a cell as NAS-Bench-201 and NAS-Bench-360 train it: 2D, dense or 1D."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from kit.errors import plain
from kit.search import arguments
from kit.spaces.nas_bench_201.cell import EDGES, NODES, Cell
from kit.spaces.nas_bench_201.costs import CELLS, CHANNELS, STAGES
from kit.spaces.operations import PLAIN, Norm, ReluConvNorm, convolution, pool

MakeCell = Callable[[int, int], nn.Module]
"""Makes the module of a cell, given its numbers of input and output channels."""


def operation(name: str, inputs: int, outputs: int, dims: int, norm: Norm = PLAIN) -> nn.Module:
    """Return the module of an operation.

    If the numbers of channels differ, skip connections and poolings get a convolution of size 1.

    Args:
        name: one of ``cell.OPERATIONS``.
        inputs: channels.
        outputs: channels.
        dims: 1 or 2.
        norm: options of the normalisations.

    Raises:
        ValueError: the operation is unknown.
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
    """The operation ``none``, which returns zeros.

    Args:
        outputs: channels.
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, *sizes) -> (batch, outputs, *sizes)."""
        return x.new_zeros(x.shape[0], self.outputs, *x.shape[2:])


class CellModule(nn.Module):
    """A cell with one operation on each edge.

    Args:
        cell: the operations.
        inputs: channels of the input.
        outputs: channels of all other nodes.
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
    """Return the output of a cell.

    Args:
        x: (batch, channels, *sizes), the input of the cell.
        edges: the operation of each of ``EDGES``.
    """
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
    """The residual block between two stages, which doubles the channels.

    Args:
        inputs: channels.
        outputs: channels.
        dims: 1 or 2.
        stride: 2 halves the map, rounded up; with 1, which keeps its size, the shortcut is ReLU,
            convolution and normalisation.
    """

    def __init__(self, inputs: int, outputs: int, dims: int, *, stride: int = 2) -> None:
        super().__init__()
        self.first = ReluConvNorm(inputs, outputs, dims, kernel_size=3, stride=stride)
        self.second = ReluConvNorm(outputs, outputs, dims, kernel_size=3)
        # Odd sizes are rounded up, as by the convolution; in the papers, all sizes are even.
        average = (nn.AvgPool1d if dims == 1 else nn.AvgPool2d)(2, 2, ceil_mode=True)
        self.shortcut = (
            ReluConvNorm(inputs, outputs, dims)
            if stride == 1
            else nn.Sequential(average, convolution(inputs, outputs, 1, dims))
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, *sizes) -> (batch, outputs, *sizes / stride), rounded up."""
        y: Tensor = self.second(self.first(x)) + self.shortcut(x)
        return y


class Skeleton(nn.Module):
    """The parts that all networks of the space share: stem, three stages of cells, head.

    Args:
        make: makes a cell.
        between: makes the module between two stages, which doubles the channels.
        inputs: channels of a sample.
        outputs: classes or numbers for a sample, or for each position if ``dense``.
        dims: 1 or 2.
        dense: whether the head returns outputs for each position.
        channels: channels of the first stage; they double from stage to stage.
        cells: number of cells of each stage.

    Raises:
        ValueError: ``dims`` is neither 1 nor 2, or another number is no whole number of at least 1.
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
        arguments.check_whole(inputs=inputs, outputs=outputs, channels=channels, cells=cells)
        if not arguments.is_whole(dims, 1) or dims > 2:
            raise ValueError(f"dims is 1 or 2, not {plain(repr(dims))}")
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

        Args:
            x: samples.
            how: further arguments for every cell.
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

    Residual blocks between the stages double the channels and halve the map. In a dense network,
    nothing halves the map, and the channels are doubled by cells like all others [NAS-Bench-360,
    Darcy Flow].

    Args:
        cell: a cell, or its string, number or genotype; see ``Cell.of``.
        inputs: channels of a sample.
        outputs: classes or numbers for a sample, or for each position if ``dense``.
        dims: 1 or 2.
        dense: whether it returns outputs for each position.
        channels: channels of the first stage.
        cells: number of cells of each stage.

    Raises:
        ValueError: ``cell`` is not a cell, or ``dims`` is neither 1 nor 2.
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
        chosen = Cell.of(cell)

        def make(before: int, after: int) -> nn.Module:
            return CellModule(chosen, before, after, dims)

        def block(before: int, after: int) -> nn.Module:
            return Block(before, after, dims)

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
