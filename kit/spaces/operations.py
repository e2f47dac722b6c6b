"""Candidate operations that several spaces share (DARTS, Liu et al. 2019), in 1D and in 2D.

One definition serves both: 1D operations keep the kernel size, dilation and padding of the 2D ones,
as NAS-Bench-360's 1D code has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.spaces.names import OPERATIONS

# ``shifted``: the second half of the channels reads the map moved by one along each axis [DARTS].
# ``same``: both halves read the same positions [NAS-Bench-360's 1D code].
Reduction = Literal["shifted", "same"]


@dataclass(frozen=True)
class Norm:
    """What batch normalisations are like.

    Attributes:
        affine: whether they scale and shift.
        momentum: share of the last batch in the running statistics, as PyTorch has it.
        eps: added to the variance.
        tracks: whether there are running statistics; without them each batch has its own, always.
    """

    affine: bool = True
    momentum: float = 0.1
    eps: float = 1e-5
    tracks: bool = True

    def layer(self, channels: int, dims: int) -> nn.Module:
        """Return one for so many channels, in so many spatial dimensions."""
        kind = nn.BatchNorm1d if dims == 1 else nn.BatchNorm2d
        return kind(channels, self.eps, self.momentum, self.affine, self.tracks)


PLAIN = Norm()


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
    """Return a centred convolution without bias: a map of n has n / stride after it, rounded up."""
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
        norm: what the normalisation is like.
        kernel_size: of the convolution.
        stride: of the convolution.
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
        channels: in and out.
        kernel_size: of the depthwise convolution.
        dims: 1 or 2.
        stride: of the depthwise convolution.
        dilation: of the depthwise convolution.
        norm: what the normalisation is like.
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
    """Twice what ``DilatedConv`` is, without dilation; the first has the stride."""

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

    Maps of odd size n have (n + 1) / 2 after it: what the shifted half lacks at the end is zero.

    Args:
        inputs: channels.
        outputs: channels; the first convolution has the smaller half of an odd number.
        dims: 1 or 2.
        reduction: what the second convolution reads.
        norm: what the normalisation is like.
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
        other = shift(x) if self.shifted else x
        y: Tensor = self.norm(torch.cat([self.conv1(x), self.conv2(other)], dim=1))
        return y


def shift(x: Tensor) -> Tensor:
    """Move maps by one towards the beginning of each axis; axes of odd size are filled with 0."""
    odd = [size % 2 for size in x.shape[2:]]
    if any(odd):
        x = F.pad(x, [side for each in reversed(odd) for side in (0, each)])
    for axis in range(2, x.dim()):
        x = x.narrow(axis, 1, x.shape[axis] - 1)
    return x


class Zero(nn.Module):
    """Nothing: zeros of the size that the other operations give.

    Args:
        stride: of them.
    """

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, *n) -> (batch, channels, *n / stride), rounded up."""
        x = x[..., :: self.stride]
        return (x if x.dim() == 3 else x[..., :: self.stride, :]) * 0


def pool(name: str, dims: int, stride: int = 1) -> nn.Module:
    """Return ``max_pool_3x3`` or ``avg_pool_3x3``, which leaves padding out of its means."""
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
        channels: in and out.
        dims: 1 or 2.
        stride: 2 halves the map, rounded up.
        norm: what normalisations are like.
        pool_norm: of the one that follows a pooling; None for none.
        reduction: what a strided ``skip_connect`` is like.

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
