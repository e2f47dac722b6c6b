"""AggConv as modules: what replaces a convolution in a DASH supernet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kit.errors import plain
from kit.ops.agg_conv import agg_conv
from kit.ops.checks import check_options, tensor, whole

# Attributes of torch's convolutions that an AggConv lacks: each candidate has its own.
OF_CONVOLUTIONS = ("weight", "kernel_size", "dilation", "padding")


def softmax(alpha: Tensor) -> Tensor:
    """Softmax over the candidates: the default mixture."""
    return torch.softmax(alpha, 0)


class _AggConv(nn.Module):
    """Aggregated convolution with its own weights per candidate (DASH, section 3.1).

    Holds `weights` (a ParameterList, kernel-major, drawn from N(0, 0.01^2)), `alpha`
    (|K||D|, drawn from 1e-3 N(0, 1)) and `bias` (C_out, zeros) or None.

    Args:
        in_channels: C_in, of the input (B, C_in, ...).
        out_channels: C_out, of the result (B, C_out, ...).
        kernel_sizes: K, the candidates' kernel sizes.
        dilations: D, each combined with each kernel size.
        stride: the same for every axis.
        groups: 1, or C_in = C_out for depthwise.
        bias: whether a bias is added after the mixture.
        method: see `agg_conv`.
        memory: see `agg_conv`.
        mixture: maps alpha to the mixing coefficients, once per forward pass.

    Raises:
        ValueError: empty K or D, a number that is no integer of at least 1, groups that do not
            divide the channels, an unknown method or memory, a mixture that is no function.
    """

    axes: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_sizes: Sequence[int],
        dilations: Sequence[int],
        *,
        stride: int = 1,
        groups: int = 1,
        bias: bool = True,
        method: str = "auto",
        memory: str = "fast",
        mixture: Callable[[Tensor], Tensor] = softmax,
    ) -> None:
        super().__init__()
        self.kernel_sizes = whole("kernel_sizes", kernel_sizes)
        self.dilations = whole("dilations", dilations)
        (self.in_channels,) = whole("in_channels", [in_channels])
        (self.out_channels,) = whole("out_channels", [out_channels])
        (self.stride,), (self.groups,) = whole("stride", [stride]), whole("groups", [groups])
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"groups {groups} does not divide channels {in_channels} and {out_channels}"
            )
        check_options(method, memory)
        if not callable(mixture):
            raise ValueError(f"mixture is a function of alpha, not {plain(repr(mixture))}")
        self.method, self.memory, self.mixture = method, memory, mixture
        self.weights = nn.ParameterList(
            nn.Parameter(torch.empty(out_channels, in_channels // groups, *[k] * self.axes))
            for k in self.kernel_sizes
            for _ in self.dilations
        )
        self.alpha = nn.Parameter(torch.empty(len(self.weights)))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights and alpha anew, set the bias to zero."""
        for weight in self.weights:
            nn.init.normal_(weight, 0.0, 0.01)
        nn.init.normal_(self.alpha, 0.0, 1e-3)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Map (B, C_in, *n) to (B, C_out, *ceil(n / stride)); named as in torch's convolutions.

        Raises:
            ValueError: the input has other axes or channels, is empty, or is of another type.
        """
        tensor("input", input)
        if input.ndim != self.axes + 2 or input.shape[1] != self.in_channels:
            raise ValueError(
                f"{type(self).__name__} takes inputs (batch, {self.in_channels}"
                f"{', n' * self.axes}), not {tuple(input.shape)}"
            )
        result = agg_conv(
            input,
            list(self.weights),
            self.mixture(self.alpha),
            self.kernel_sizes,
            self.dilations,
            stride=self.stride,
            groups=self.groups,
            method=self.method,
            memory=self.memory,
        )
        if self.bias is not None:
            result = result + self.bias.view(-1, *[1] * self.axes)
        return result

    def __getattr__(self, name: str) -> Any:
        if name in OF_CONVOLUTIONS:
            kind = type(self).__name__
            raise AttributeError(
                f"{kind} has no {name!r}, but candidates; a layer whose {name!r} the model reads "
                "is to be excluded from the search"
            )
        return super().__getattr__(name)

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_sizes={self.kernel_sizes}, "
            f"dilations={self.dilations}, stride={self.stride}, groups={self.groups}, "
            f"bias={self.bias is not None}, method={self.method!r}"
        )


class AggConv1d(_AggConv):
    """AggConv over one axis: (B, C_in, n) to (B, C_out, ceil(n / stride)); see `agg_conv`."""

    axes = 1


class AggConv2d(_AggConv):
    """AggConv over two axes: (B, C_in, n_1, n_2) to (B, C_out, ceil(n_i / stride)...)."""

    axes = 2
