"""The network of an architecture: cells along a path, pyramid pooling, decoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kit.search import arguments
from kit.spaces.auto_deeplab.layout import OpOrder, built, first_edge, sources
from kit.spaces.auto_deeplab.pyramid import Decoder, Pyramid
from kit.spaces.auto_deeplab.resizing import doubled, halved, resize
from kit.spaces.operations import Norm, ReluConvNorm, operation

# The index of the cell whose map the decoder reads besides that of the pyramid.
EARLY = 2
# Normalisation without parameters.
FREE = Norm(affine=False)


def stem(inputs: int, widths: Sequence[int]) -> nn.ModuleList:
    """Return the three convolutions that reduce an input to a quarter of its resolution.

    Args:
        inputs: channels.
        widths: output channels of each of the three.
    """
    layers = nn.ModuleList()
    for width, stride in zip(widths, (2, 1, 2), strict=True):
        convolution = nn.Conv2d(inputs, width, 3, stride, padding=1)
        layers.append(nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU()))
        inputs = width
    return layers


class TrellisCell(nn.Module):
    """A cell of the final network, with two chosen edges for each step.

    Args:
        before_last: channels of the first input, the output of the cell before the last one.
        last: channels of the second input, the output of the previous cell.
        channels: number of channels of each step; the output has those of all steps.
        operations: edge -> operation, ordered by edge.
        resized: level of the second input minus level of the cell: -1, 0 or 1.
    """

    def __init__(
        self,
        before_last: int,
        last: int,
        channels: int,
        operations: dict[int, str],
        resized: int,
    ) -> None:
        super().__init__()
        # Not used if the channels fit already; the papers' code creates it, too.
        self.before_last = ReluConvNorm(before_last, channels, 2, norm=FREE)
        self.fits = before_last == channels
        self.last = ReluConvNorm(last, channels, 2, norm=FREE)
        self.edges = tuple(operations)
        self.operations = nn.ModuleList(
            operation(name, channels, 2, norm=FREE) for name in operations.values()
        )
        self.resized = resized

    def forward(self, before_last: Tensor, last: Tensor) -> Tensor:
        """Return (batch, channels x steps, h, w) at the resolution of the cell.

        Args:
            before_last: output of the cell before the last one, (batch, channels, *any sizes).
            last: output of the previous cell, (batch, channels, *sizes).
        """
        sides = list(last.shape[2:])
        if self.resized:
            change = doubled if self.resized > 0 else halved
            last = resize(last, [change(side) for side in sides])
        before_last = resize(before_last, last.shape[2:])
        first_state = before_last if self.fits else self.before_last(before_last)
        states = [first_state, self.last(last)]
        incoming = dict(zip(self.edges, self.operations, strict=True))
        for step in range(len(self.edges) // 2):
            first = first_edge(step)
            terms = [
                incoming[first + state](states[state])
                for state in sources(step)
                if first + state in incoming
            ]
            states.append(terms[0] + terms[1])
        return torch.cat(states[2:], dim=1)


class TrellisNetwork(nn.Module):
    """The network of an architecture, trained after the search (Auto-DeepLab, section 5.2).

    Args:
        inputs: channels of a sample.
        outputs: numbers that the network returns for each position.
        path: the level after each layer.
        cell: rows (edge, operation), two for each step.
        filters: channels of each step of a cell on level 0, twice as many on each coarser level.
        width: channels of pyramid and decoder.
        op_order: see ``layout.built``.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        path: Sequence[int],
        cell: Sequence[tuple[int, str]],
        *,
        filters: int = 32,
        width: int = 256,
        op_order: OpOrder = "rows",
    ) -> None:
        super().__init__()
        arguments.check_whole(inputs=inputs, outputs=outputs, filters=filters, width=width)
        arguments.check_words(OpOrder, op_order=op_order)
        operations, steps = built(cell, op_order), len(cell) // 2
        widths = [2 * filters, 2 * filters, 4 * filters]
        self.stem = stem(inputs, widths)
        _, before_last, last = widths
        cells = []
        for level, before in zip(path, [0, *path], strict=False):
            channels = filters << level
            cells.append(TrellisCell(before_last, last, channels, operations, before - level))
            before_last, last = last, channels * steps
        self.cells = nn.ModuleList(cells)
        early = (filters << path[EARLY]) * steps
        self.pyramid = Pyramid(last, width)
        self.decoder = Decoder(early, width, -(-width * 3 // 16), outputs)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, h, w) -> (batch, outputs, h, w)."""
        half = self.stem[1](self.stem[0](x))
        maps = [half, self.stem[2](half)]
        for cell in self.cells:
            maps.append(cell(maps[-2], maps[-1]))
        y = self.decoder(self.pyramid(maps[-1]), maps[2 + EARLY])
        return resize(y, x.shape[2:])


def initialise(network: nn.Module) -> None:
    """Redraw the weights of all convolutions from He's normal distribution (He et al. 2015)."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
