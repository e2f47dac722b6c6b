"""Pyramid pooling in the search and in the final network, and that network's decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kit.spaces.auto_deeplab.resizing import resize
from kit.spaces.operations import Norm, convolution

# The search gives this to its last norm in each pyramid as epsilon; it was meant as momentum.
EPSILON = 0.0003
SEARCH_DILATIONS, DILATIONS = (24, 12, 6, 3), (6, 12, 18)
"""By level in the search; side by side in the final network."""


def conv_norm(
    inputs: int, outputs: int, size: int = 1, *, dilation: int = 1, eps: float = 1e-5
) -> nn.Sequential:
    """Return a centred convolution without bias and its norm."""
    return nn.Sequential(
        convolution(inputs, outputs, size, 2, dilation=dilation), Norm(eps=eps).layer(outputs, 2)
    )


def pooled(x: Tensor) -> Tensor:
    """Return the mean of each map: (batch, channels, 1, 1)."""
    return x.mean(dim=(2, 3), keepdim=True)


class SearchPyramid(nn.Module):
    """What reads the answer off one level in the search; the answers of all levels are added.

    Args:
        channels: of the level's cells.
        outputs: of the answer.
        dilation: of the 3x3 convolution.
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
    """Atrous spatial pyramid pooling of the final network: five views of a map, joined.

    Args:
        inputs: channels.
        width: of each view and of the result.
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
    """The final network's decoder: the pyramid's map beside an early one, at the early one's size.

    Args:
        early: channels of the early map.
        width: of the pyramid's map.
        narrow: channels to which the early map is brought.
        outputs: of the answer.
    """

    def __init__(self, early: int, width: int, narrow: int, outputs: int) -> None:
        super().__init__()
        self.early = conv_norm(early, narrow)
        self.first = conv_norm(width + narrow, width, 3)
        self.second = conv_norm(width, width, 3)
        self.answer = nn.Conv2d(width, outputs, 1)
        self.dropouts = nn.ModuleList([nn.Dropout(0.5), nn.Dropout(0.1)])

    def forward(self, x: Tensor, early: Tensor) -> Tensor:
        """Return (batch, outputs, h, w), h and w those of the early map."""
        joined = torch.cat([resize(x, early.shape[2:]), self.early(early).relu()], dim=1)
        first = self.dropouts[0](self.first(joined).relu())
        y: Tensor = self.answer(self.dropouts[1](self.second(first).relu()))
        return y
