"""The network of an architecture: cells along a path, pyramid pooling, decoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kit.spaces.auto_deeplab.layout import OpOrder, built, first_edge, sources
from kit.spaces.auto_deeplab.pyramid import Decoder, Pyramid
from kit.spaces.auto_deeplab.resizing import doubled, halved, resize
from kit.spaces.operations import Norm, ReluConvNorm, operation

# Which cell's map the decoder takes up besides the last one.
EARLY = 2
FREE = Norm(affine=False)


def stem(inputs: int, widths: Sequence[int]) -> nn.ModuleList:
    """Return the three convolutions that bring an input to a quarter of its resolution."""
    layers = nn.ModuleList()
    for width, stride in zip(widths, (2, 1, 2), strict=True):
        convolution = nn.Conv2d(inputs, width, 3, stride, padding=1)
        layers.append(nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU()))
        inputs = width
    return layers


class TrellisCell(nn.Module):
    """A cell of the final network: two chosen edges for each state that it makes.

    Args:
        before_last: channels of the cell's first input.
        last: channels of its second one.
        channels: within; it puts out as many for each step.
        operations: of each edge.
        resized: by how many levels the second input is coarser than the cell: -1, 0 or 1.
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
        # Where the channels fit already, the original makes this too, and leaves it aside.
        self.before_last = ReluConvNorm(before_last, channels, 2, norm=FREE)
        self.fits = before_last == channels
        self.last = ReluConvNorm(last, channels, 2, norm=FREE)
        self.edges = tuple(operations)
        self.operations = nn.ModuleList(
            operation(name, channels, 2, norm=FREE) for name in operations.values()
        )
        self.resized = resized

    def forward(self, before_last: Tensor, last: Tensor) -> Tensor:
        """Return (batch, channels x steps, h, w) at the cell's own resolution."""
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
            found = [
                incoming[first + state](states[state])
                for state in sources(step)
                if first + state in incoming
            ]
            states.append(found[0] + found[1])
        return torch.cat(states[2:], dim=1)


class TrellisNetwork(nn.Module):
    """The network that is trained once an architecture is found (Auto-DeepLab, section 5.2).

    Args:
        inputs: channels.
        outputs: channels of the answer.
        path: the level after each layer.
        cell: rows (edge, operation).
        filters: channels of a cell on level 0; twice as many on each coarser one.
        width: of pyramid and decoder.
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
    """Draw the weights of all convolutions anew, normal by their fan-in (He et al. 2015)."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
