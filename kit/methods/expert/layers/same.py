"""Convolution and pooling with TensorFlow's padding ``SAME``: the output has ceil(n / stride)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from kit.ops.convolutions import same_padding


class SameConv1d(nn.Conv1d):
    """A convolution of an input padded by zeros at both ends."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, n) -> (batch, outputs, ceil(n / stride))."""
        (stride,), (size,), (dilation,) = self.stride, self.kernel_size, self.dilation
        return super().forward(F.pad(x, same_padding(x.shape[-1], size, stride, dilation)))


def same_max_pool1d(x: Tensor, size: int) -> Tensor:
    """Max-pool windows without overlap, (batch, channels, n) -> (batch, channels, ceil(n / size)).

    The padding is minus infinity, so that it is never the maximum.
    """
    return F.max_pool1d(F.pad(x, same_padding(x.shape[-1], size, size), value=-float("inf")), size)
