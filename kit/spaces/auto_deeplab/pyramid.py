"""Pyramid pooling of the supernet and of the final network, and the final network's decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kit.spaces.auto_deeplab.resizing import resize
from kit.spaces.operations import Norm, convolution

# Epsilon of the last norm of each pyramid in the released search, where it was meant as momentum.
EPSILON = 0.0003
SEARCH_DILATIONS, DILATIONS = (24, 12, 6, 3), (6, 12, 18)
"""Dilations by level in the supernet, and of the three dilated views in the final network."""


def conv_norm(
    inputs: int, outputs: int, size: int = 1, *, dilation: int = 1, eps: float = 1e-5
) -> nn.Sequential:
    """Return a centred 2D convolution without bias, followed by a norm.

    Args:
        inputs: channels.
        outputs: channels.
        size: kernel size.
        dilation: dilation of the kernel.
        eps: epsilon of the norm.
    """
    return nn.Sequential(
        convolution(inputs, outputs, size, 2, dilation=dilation), Norm(eps=eps).layer(outputs, 2)
    )


def pooled(x: Tensor) -> Tensor:
    """Return the means over all positions: (batch, channels, h, w) -> (batch, channels, 1, 1)."""
    return x.mean(dim=(2, 3), keepdim=True)


class SearchPyramid(nn.Module):
    """Pyramid pooling of one level of the supernet, whose output is the sum over all levels.

    Args:
        channels: number of channels of the output of the level's cells.
        outputs: numbers for each position.
        dilation: dilation of the 3x3 convolution.
    """

    def __init__(self, channels: int, outputs: int, dilation: int) -> None:
        super().__init__()
        self.point = conv_norm(channels, channels)
        self.wide = conv_norm(channels, channels, 3, dilation=dilation)
        self.mean = conv_norm(channels, channels)
        self.join = conv_norm(3 * channels, channels, eps=EPSILON)
        self.answer = nn.Conv2d(channels, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, h, w) -> (batch, outputs, h, w)."""
        mean = self.mean(pooled(x)).relu().expand(-1, -1, *x.shape[2:])
        y: Tensor = self.answer(self.join(torch.cat([self.point(x), self.wide(x), mean], dim=1)))
        return y


class Pyramid(nn.Module):
    """Atrous spatial pyramid pooling of the final network, which joins five views of a map.

    Args:
        inputs: channels.
        width: channels of each view and of the result.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.views = nn.ModuleList(
            [conv_norm(inputs, width)]
            + [conv_norm(inputs, width, 3, dilation=dilation) for dilation in DILATIONS]
        )
        self.mean = conv_norm(inputs, width)
        self.join = conv_norm(5 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, h, w) -> (batch, width, h, w)."""
        mean = self.mean(pooled(x)).relu().expand(-1, -1, *x.shape[2:])
        views = [view(x).relu() for view in self.views]
        y: Tensor = self.join(torch.cat([*views, mean], dim=1)).relu()
        return y


class Decoder(nn.Module):
    """The final network's decoder, which joins the pyramid's map with an early map, at its size.

    Args:
        early: channels of the early map.
        width: channels of the pyramid's map.
        narrow: channels to which those of the early map are reduced.
        outputs: numbers for each position.
    """

    def __init__(self, early: int, width: int, narrow: int, outputs: int) -> None:
        super().__init__()
        self.early = conv_norm(early, narrow)
        self.first = conv_norm(width + narrow, width, 3)
        self.second = conv_norm(width, width, 3)
        self.answer = nn.Conv2d(width, outputs, 1)
        self.dropouts = nn.ModuleList([nn.Dropout(0.5), nn.Dropout(0.1)])

    def forward(self, x: Tensor, early: Tensor) -> Tensor:
        """Return (batch, outputs, h, w), where h and w are those of the early map.

        Args:
            x: the pyramid's map, (batch, width, *any sizes).
            early: the early map, (batch, channels, h, w).
        """
        joined = torch.cat([resize(x, early.shape[2:]), self.early(early).relu()], dim=1)
        first = self.dropouts[0](self.first(joined).relu())
        y: Tensor = self.answer(self.dropouts[1](self.second(first).relu()))
        return y
