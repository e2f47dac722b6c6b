"""The operations of a layer, which keep the size of their input as TensorFlow's do."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.ops.convolutions import same_padding
from kit.spaces.amber.tokens import POOL

DILATION = 10


class SameConv1d(nn.Conv1d):
    """A convolution without bias that keeps the number of positions."""

    def __init__(self, inputs: int, outputs: int, size: int, dilation: int = 1) -> None:
        super().__init__(inputs, outputs, size, dilation=dilation, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, n) -> (batch, outputs, n)."""
        padding = same_padding(x.shape[-1], self.kernel_size[0], dilation=self.dilation[0])
        return super().forward(F.pad(x, padding))


class BatchNorm(nn.BatchNorm1d):
    """A batch norm for which one position of one sample, which has no variance, is no batch."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, n), unchanged in shape."""
        if self.training and x.numel() == x.shape[1]:
            mean, variance = self.running_mean, self.running_var
            return F.batch_norm(x, mean, variance, self.weight, self.bias, False, 0.0, self.eps)
        return super().forward(x)


class MaxPool(nn.Module):
    """The largest of four positions."""

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, n) -> (batch, channels, ceil(n / stride))."""
        padding = same_padding(x.shape[-1], POOL, self.stride)
        return F.max_pool1d(F.pad(x, padding, value=-torch.inf), POOL, self.stride)


class AveragePool(nn.Module):
    """The mean of four positions, of those that there are."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, n) -> (batch, channels, n)."""
        padding = same_padding(x.shape[-1], POOL)
        there = F.avg_pool1d(F.pad(torch.ones_like(x[:1, :1]), padding), POOL, 1)
        return F.avg_pool1d(F.pad(x, padding), POOL, 1) / there


class Shift(nn.Module):
    """One learnt number that is added to everything."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the shifted input."""
        return x + self.bias


def operation(name: str, channels: int, norm: partial[BatchNorm], *, shift: bool) -> nn.Sequential:
    """Return an operation on ``channels`` by its name in ``tokens.OPERATIONS``.

    Args:
        name: of the operation.
        channels: that it takes and gives.
        norm: makes a batch norm.
        shift: a convolution adds one number, the same everywhere, before its ReLU (the child).
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
    """Return what brings an output to the next stage: other channels, a quarter of positions."""
    return nn.Sequential(SameConv1d(inputs, outputs, 1), MaxPool(POOL))
