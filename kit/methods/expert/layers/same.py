"""Convolution and pooling as TensorFlow pads them under the name ``SAME``: to ceil(n / stride)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from kit.ops.convolutions import same_padding


class SameConv1d(nn.Conv1d):
    """A convolution over zeros at both ends."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, n) -> (batch, outputs, ceil(n / stride))."""
        (stride,), (size,), (dilation,) = self.stride, self.kernel_size, self.dilation
        return super().forward(F.pad(x, same_padding(x.shape[-1], size, stride, dilation)))


def same_max_pool1d(x: Tensor, size: int) -> Tensor:
    """Return the largest of windows side by side, (batch, channels, n) -> (..., ceil(n / size)).

    Windows that reach beyond the ends see nothing there, not zeros.
    """
    return F.max_pool1d(F.pad(x, same_padding(x.shape[-1], size, size), value=-float("inf")), size)
