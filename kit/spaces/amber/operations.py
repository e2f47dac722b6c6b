"""The operations of a layer, with padding ``same`` as in TensorFlow."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.ops.convolutions import same_padding
from kit.spaces.amber.tokens import POOL

DILATION = 10
"""The dilation of dilated convolutions."""


class SameConv1d(nn.Conv1d):
    """A convolution without bias that keeps the number of positions.

    Args:
        inputs: channels.
        outputs: channels.
        size: kernel size.
        dilation: dilation of the kernel.
    """

    def __init__(self, inputs: int, outputs: int, size: int, dilation: int = 1) -> None:
        super().__init__(inputs, outputs, size, dilation=dilation, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, n) -> (batch, outputs, n)."""
        padding = same_padding(x.shape[-1], self.kernel_size[0], dilation=self.dilation[0])
        return super().forward(F.pad(x, padding))


class BatchNorm(nn.BatchNorm1d):
    """A batch norm that uses running statistics for a batch of one sample with one position.

    Such a batch has no variance. In training mode, torch's batch norm refuses it.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, n) -> (batch, channels, n)."""
        if self.training and x.numel() == x.shape[1]:
            mean, variance = self.running_mean, self.running_var
            return F.batch_norm(x, mean, variance, self.weight, self.bias, False, 0.0, self.eps)
        return super().forward(x)


class MaxPool(nn.Module):
    """Maximum pooling over four positions.

    Args:
        stride: stride of the pooling.
    """

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, n) -> (batch, channels, ceil(n / stride))."""
        padding = same_padding(x.shape[-1], POOL, self.stride)
        return F.max_pool1d(F.pad(x, padding, value=-torch.inf), POOL, self.stride)


class AveragePool(nn.Module):
    """Mean pooling over four positions, without those of the padding."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, n) -> (batch, channels, n)."""
        padding = same_padding(x.shape[-1], POOL)
        share = F.avg_pool1d(F.pad(torch.ones_like(x[:1, :1]), padding), POOL, 1)
        return F.avg_pool1d(F.pad(x, padding), POOL, 1) / share


class Shift(nn.Module):
    """One trainable number that is added to all elements."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the input plus the number, of the same shape."""
        return x + self.bias


def operation(name: str, channels: int, norm: partial[BatchNorm], *, shift: bool) -> nn.Sequential:
    """Return the module of an operation, which keeps the number of channels and positions.

    Args:
        name: one of ``tokens.OPERATIONS``.
        channels: number of channels of input and output.
        norm: makes a batch norm.
        shift: whether convolutions add one trainable number before their ReLU, as in the child.
    """
    if name == "identity":
        return nn.Sequential()
    if name in ("max-pool", "average-pool"):
        pool = MaxPool() if name == "max-pool" else AveragePool()
        return nn.Sequential(SameConv1d(channels, channels, 1), norm(channels), nn.ReLU(), pool)
    size = int(name.split("-")[1])
    dilation = DILATION if name.endswith("dilated") else 1
    layers = [SameConv1d(channels, channels, size, dilation), norm(channels)]
    return nn.Sequential(*layers, *([Shift()] if shift else []), nn.ReLU())


def reduction(inputs: int, outputs: int) -> nn.Sequential:
    """Return the module that brings an output to the next stage, with a quarter of the positions.

    Args:
        inputs: channels.
        outputs: channels.
    """
    return nn.Sequential(SameConv1d(inputs, outputs, 1), MaxPool(POOL))
