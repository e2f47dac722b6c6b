"""Candidate operations that several spaces share (DARTS, Liu et al. 2019), in 1D and in 2D.

One definition serves both: 1D operations have the kernel size, dilation and padding of the 2D ones,
as in NAS-Bench-360's 1D code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.spaces.names import OPERATIONS

Reduction = Literal["shifted", "same"]
"""Which positions the second half of the channels of a ``FactorizedReduce`` reads.

``shifted``: those of the map moved by one along each axis [DARTS]. ``same``: those that the first
half reads, too [NAS-Bench-360's 1D code].
"""


@dataclass(frozen=True)
class Norm:
    """Options of batch normalisations.

    Attributes:
        affine: whether they have learnable scales and shifts.
        momentum: weight of the last batch in the running statistics, as in PyTorch.
        eps: added to the variance.
        tracks: whether there are running statistics; without them, the statistics of the batch are
            used in evaluation mode, too.
    """

    affine: bool = True
    momentum: float = 0.1
    eps: float = 1e-5
    tracks: bool = True

    def layer(self, channels: int, dims: int) -> nn.Module:
        """Return a batch normalisation for a number of channels and 1 or 2 spatial dimensions."""
        kind = nn.BatchNorm1d if dims == 1 else nn.BatchNorm2d
        return kind(channels, self.eps, self.momentum, self.affine, self.tracks)


PLAIN = Norm()
"""The defaults of PyTorch."""


def convolution(
    inputs: int,
    outputs: int,
    kernel_size: int,
    dims: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
) -> nn.Module:
    """Return a centred convolution without bias, which maps size n to n / stride, rounded up.

    Args:
        inputs: channels.
        outputs: channels.
        kernel_size: odd.
        dims: 1 or 2.
        stride: stride of all axes.
        dilation: dilation of all axes.
        groups: number of groups of channels; ``inputs`` for a depthwise convolution.
    """
    kind = nn.Conv1d if dims == 1 else nn.Conv2d
    padding = dilation * (kernel_size - 1) // 2
    return kind(
        inputs, outputs, kernel_size, stride, padding, dilation=dilation, groups=groups, bias=False
    )


class ReluConvNorm(nn.Sequential):
    """ReLU, convolution, normalisation.

    Args:
        inputs: channels.
        outputs: channels.
        dims: 1 or 2.
        norm: options of the normalisation.
        kernel_size: kernel size of the convolution.
        stride: stride of the convolution.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        dims: int,
        norm: Norm = PLAIN,
        *,
        kernel_size: int = 1,
        stride: int = 1,
    ) -> None:
        super().__init__(
            nn.ReLU(),
            convolution(inputs, outputs, kernel_size, dims, stride=stride),
            norm.layer(outputs, dims),
        )


class DilatedConv(nn.Sequential):
    """ReLU, depthwise convolution, convolution of size 1, normalisation.

    Args:
        channels: number of channels of input and output.
        kernel_size: kernel size of the depthwise convolution.
        dims: 1 or 2.
        stride: stride of the depthwise convolution.
        dilation: dilation of the depthwise convolution.
        norm: options of the normalisation.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        dims: int,
        *,
        stride: int = 1,
        dilation: int = 2,
        norm: Norm = PLAIN,
    ) -> None:
        super().__init__(
            nn.ReLU(),
            convolution(
                channels,
                channels,
                kernel_size,
                dims,
                stride=stride,
                dilation=dilation,
                groups=channels,
            ),
            convolution(channels, channels, 1, dims),
            norm.layer(channels, dims),
        )


class SeparableConv(nn.Sequential):
    """The layers of ``DilatedConv`` twice, without dilation; the first time with the stride.

    Args:
        channels: number of channels of input and output.
        kernel_size: kernel size of the depthwise convolutions.
        dims: 1 or 2.
        stride: stride of the first depthwise convolution.
        norm: options of the normalisations.
    """

    def __init__(
        self, channels: int, kernel_size: int, dims: int, *, stride: int = 1, norm: Norm = PLAIN
    ) -> None:
        first, second = (
            DilatedConv(channels, kernel_size, dims, stride=each, dilation=1, norm=norm)
            for each in (stride, 1)
        )
        super().__init__(*first, *second)


class FactorizedReduce(nn.Module):
    """ReLU, two convolutions of size 1 and stride 2 side by side, normalisation.

    A map of odd size n becomes (n + 1) / 2: the position that the shifted map lacks is filled
    with 0.

    Args:
        inputs: channels.
        outputs: channels; the first convolution has the smaller half of an odd number.
        dims: 1 or 2.
        reduction: which positions the second convolution reads.
        norm: options of the normalisation.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        dims: int,
        *,
        reduction: Reduction = "shifted",
        norm: Norm = PLAIN,
    ) -> None:
        super().__init__()
        half = outputs // 2
        self.conv1 = convolution(inputs, half, 1, dims, stride=2)
        self.conv2 = convolution(inputs, outputs - half, 1, dims, stride=2)
        self.norm = norm.layer(outputs, dims)
        self.shifted = reduction == "shifted"

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, *n) -> (batch, outputs, *n / 2), rounded up."""
        x = x.relu()
        second = shift(x) if self.shifted else x
        y: Tensor = self.norm(torch.cat([self.conv1(x), self.conv2(second)], dim=1))
        return y


def shift(x: Tensor) -> Tensor:
    """Drop the first position of each spatial axis; axes of odd size get a 0 at the end.

    The size n of an axis becomes n - 1 if it is even, and stays n if it is odd.

    Args:
        x: (batch, channels, *sizes).
    """
    odd = [size % 2 for size in x.shape[2:]]
    if any(odd):
        x = F.pad(x, [side for each in reversed(odd) for side in (0, each)])
    for axis in range(2, x.dim()):
        x = x.narrow(axis, 1, x.shape[axis] - 1)
    return x


class Zero(nn.Module):
    """Zeros of the size that the other operations return.

    Args:
        stride: 2 halves the map, rounded up.
    """

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, *n) -> (batch, channels, *n / stride), rounded up."""
        x = x[..., :: self.stride]
        return (x if x.dim() == 3 else x[..., :: self.stride, :]) * 0


def pool(name: str, dims: int, stride: int = 1) -> nn.Module:
    """Return ``max_pool_3x3`` or ``avg_pool_3x3``; means do not count the padding."""
    if name == "max_pool_3x3":
        return (nn.MaxPool1d if dims == 1 else nn.MaxPool2d)(3, stride, padding=1)
    average = nn.AvgPool1d if dims == 1 else nn.AvgPool2d
    return average(3, stride, padding=1, count_include_pad=False)


def operation(
    name: str,
    channels: int,
    dims: int,
    *,
    stride: int = 1,
    norm: Norm = PLAIN,
    pool_norm: Norm | None = None,
    reduction: Reduction = "shifted",
) -> nn.Module:
    """Return a candidate operation; it keeps the number of channels.

    Args:
        name: one of ``OPERATIONS``.
        channels: number of channels of input and output.
        dims: 1 or 2.
        stride: 2 halves the map, rounded up.
        norm: options of the normalisations.
        pool_norm: options of a normalisation after a pooling; None for no normalisation.
        reduction: which positions a strided ``skip_connect`` reads.

    Raises:
        ValueError: there is no such operation.
    """
    if name == "none":
        return Zero(stride)
    if name in ("max_pool_3x3", "avg_pool_3x3"):
        pooling = pool(name, dims, stride)
        if pool_norm is None:
            return pooling
        return nn.Sequential(pooling, pool_norm.layer(channels, dims))
    if name == "skip_connect":
        if stride == 1:
            return nn.Identity()
        return FactorizedReduce(channels, channels, dims, reduction=reduction, norm=norm)
    kind, _, size = name.rpartition("_")
    if name not in OPERATIONS:
        raise ValueError(f"there is no operation {name!r}; there are {', '.join(OPERATIONS)}")
    if kind == "sep_conv":
        return SeparableConv(channels, int(size[0]), dims, stride=stride, norm=norm)
    return DilatedConv(channels, int(size[0]), dims, stride=stride, norm=norm)
