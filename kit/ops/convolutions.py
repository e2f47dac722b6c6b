"""Convolutions whose output is as long as their input for any kernel size and dilation.

With TensorFlow's rule of padding for the same purpose.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def same_padding(length: int, size: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """Return how many zeros TensorFlow's ``SAME`` puts before and after an axis.

    The output has ceil(length / stride) positions. Of an odd number the larger half comes last.
    """
    reach = (-(-length // stride) - 1) * stride + (size - 1) * dilation + 1
    missing = max(0, reach - length)
    return missing // 2, missing - missing // 2


class CentredConv1d(nn.Conv1d):
    """A 1D convolution of odd size that skips the taps which reach beyond every position."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, n) -> (batch, outputs, ceil(n / stride))."""
        weight, padding = _reaching(self, x)
        return F.conv1d(x, weight, self.bias, self.stride, padding, self.dilation, self.groups)


class CentredConv2d(nn.Conv2d):
    """A 2D convolution of odd size that skips the taps which reach beyond every position.

    With k = 9 and d = 15 on 8 x 8 positions that is all of them but one.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, h, w) -> (batch, outputs, ceil(h / stride), ceil(w / stride))."""
        weight, padding = _reaching(self, x)
        return F.conv2d(x, weight, self.bias, self.stride, padding, self.dilation, self.groups)


class CausalConv1d(nn.Conv1d):
    """A 1D convolution that sees the present and the past: all its padding is on the left."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, n) -> (batch, outputs, ceil(n / stride))."""
        return super().forward(F.pad(x, (self.dilation[0] * (self.kernel_size[0] - 1), 0)))


def _reaching(layer: nn.Conv1d | nn.Conv2d, x: Tensor) -> tuple[Tensor, tuple[int, ...]]:
    """Return the weights at offsets that meet some input, and the padding that goes with them."""
    weight, padding = layer.weight, []
    for axis, size in enumerate(x.shape[2:]):
        centre, dilation = layer.kernel_size[axis] // 2, layer.dilation[axis]
        reach = min(centre, (size - 1) // dilation)
        weight = weight.narrow(axis + 2, centre - reach, 2 * reach + 1)
        padding.append(reach * dilation)
    return weight, tuple(padding)
