"""Convolutions padded as TensorFlow's ``SAME``: outputs are ceil(length / stride) long."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class SameConv1d(nn.Conv1d):
    """A convolution whose zeros are split between both ends, the odd one at the end."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, n) -> (batch, outputs, ceil(n / stride))."""
        (stride,), (size,) = self.stride, self.kernel_size
        missing = max(0, (-(-x.shape[-1] // stride) - 1) * stride + size - x.shape[-1])
        return super().forward(F.pad(x, (missing // 2, missing - missing // 2)))
