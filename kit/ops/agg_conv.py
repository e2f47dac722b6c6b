"""The aggregated convolution of DASH: the public function, its checks and its dispatch rule."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kit.ops.dft import dft_matmul
from kit.ops.direct import dilation, mixed_results, mixed_weights
from kit.ops.dispatch import Method, fastest, rule
from kit.ops.fourier import fourier
from kit.ops.phases import phases
from kit.ops.plan import ConvShape
from kit.ops.precision import full
from kit.ops.released import released
from kit.ops.toeplitz import toeplitz

METHODS: dict[str, Method] = {
    "mixed-results": mixed_results,
    "mixed-weights": mixed_weights,
    "released": released,
    "dilation": dilation,
    "fourier": fourier,
    "dft-matmul": dft_matmul,
    "phases": phases,
    "toeplitz": toeplitz,
}
CHOOSERS = ("auto", "autotune")
DIRECT = ("mixed-results", "mixed-weights", "dilation")


def agg_conv(
    x: Tensor,
    weights: Sequence[Tensor],
    alpha: Tensor,
    kernel_sizes: Sequence[int],
    dilations: Sequence[int],
    *,
    stride: int = 1,
    groups: int = 1,
    method: str = "auto",
    memory: str = "fast",
) -> Tensor:
    """Mixture of convolutions over all (kernel size, dilation) pairs (DASH, section 3.1).

    The result is sum_i alpha_i conv(x, weights_i, dilation d), zero-padded to the size of x, at
    positions 0, stride, 2 stride, ... No softmax is applied. All methods give the same numbers.
    Under autocast, and where torch may take TF32 or bfloat16 for products, everything is computed
    in float32 (or in the wider type of the weights).

    Args:
        x: (B, C_in, n) or (B, C_in, n_1, n_2).
        weights: |K||D| tensors (C_out, C_in / groups, k[, k]), kernel-major: candidate
            position of k * |D| + position of d.
        alpha: (|K||D|,) mixing coefficients, already normalised.
        kernel_sizes: K; even sizes are allowed.
        dilations: D, each combined with each kernel size.
        stride: the same for every axis.
        groups: 1, or C_in = C_out for a depthwise convolution; others by direct methods alone.
        method: one of `METHODS`; "auto" for the rule of `kit.ops.dispatch`; "autotune" to time
            the promising ones once per shape and device and to keep the fastest.
        memory: "fast" keeps what the backward pass can reuse, "small" makes it again.

    Returns:
        (B, C_out, ceil(n / stride)) or (B, C_out, ceil(n_1 / stride), ceil(n_2 / stride)).

    Raises:
        ValueError: arguments that do not fit together.
    """
    sizes, gaps = tuple(kernel_sizes), tuple(dilations)
    device = x.device.type
    autocast = torch.is_autocast_enabled(device)
    if autocast and len(weights) > 0:
        wide = torch.promote_types(weights[0].dtype, torch.float32)
        x, alpha = x.to(wide), alpha.to(wide)
        weights = [weight.to(wide) for weight in weights]
    check(x, weights, alpha, sizes, gaps, stride, groups, method, memory)
    with full(device):
        conv = ConvShape(tuple(x.shape[2:]), sizes, gaps, stride, groups)
        if method == "auto":
            method = rule(x, weights, conv)
        elif method == "autotune":
            method = fastest(x, weights, alpha, conv, memory, METHODS)
        return METHODS[method](x, weights, alpha, conv, memory)


def check(
    x: Tensor,
    weights: Sequence[Tensor],
    alpha: Tensor,
    kernel_sizes: tuple[int, ...],
    dilations: tuple[int, ...],
    stride: int,
    groups: int,
    method: str,
    memory: str,
) -> None:
    """Raise ValueError, in one line, for arguments that do not fit together."""
    check_options(method, memory)
    if x.ndim not in (3, 4):
        raise ValueError(f"x must have 3 or 4 axes (batch, channels, 1 or 2 spatial), not {x.ndim}")
    if x.numel() == 0:
        raise ValueError(f"x of shape {tuple(x.shape)} is empty")
    if x.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"x must be float32 or float64, not {x.dtype}")
    for name, values in (("kernel_sizes", kernel_sizes), ("dilations", dilations)):
        if not values or any(value < 1 for value in values):
            raise ValueError(f"{name} must be positive integers, not {values}")
    if stride < 1:
        raise ValueError(f"stride must be at least 1, not {stride}")
    count = len(kernel_sizes) * len(dilations)
    if len(weights) != count:
        raise ValueError(f"{count} candidates need {count} weights, not {len(weights)}")
    if alpha.shape != (count,):
        raise ValueError(f"alpha must have shape ({count},), not {tuple(alpha.shape)}")
    channels, outputs = x.shape[1], weights[0].shape[0]
    if groups < 1 or channels % groups or outputs % groups:
        raise ValueError(f"groups {groups} does not divide channels {channels} and {outputs}")
    for index, weight in enumerate(weights):
        k = kernel_sizes[index // len(dilations)]
        shape = (outputs, channels // groups) + (k,) * (x.ndim - 2)
        if tuple(weight.shape) != shape:
            raise ValueError(f"weight {index} must have shape {shape}, not {tuple(weight.shape)}")
    for name, tensor in [("alpha", alpha), *((f"weight {i}", w) for i, w in enumerate(weights))]:
        if tensor.dtype != x.dtype or tensor.device != x.device:
            raise ValueError(
                f"{name} is {tensor.dtype} on {tensor.device}, x is {x.dtype} on {x.device}"
            )
    direct = method in CHOOSERS or method in DIRECT
    if groups not in (1, channels) and not direct:
        raise ValueError(f"method {method!r} needs groups 1 or {channels}, not {groups}")
    if groups == channels != outputs and groups > 1 and not direct:
        raise ValueError(f"method {method!r} needs C_out = C_in where groups = C_in")
    if method == "toeplitz" and (x.ndim != 3 or not groups == channels == outputs):
        raise ValueError("method 'toeplitz' needs one spatial axis and a depthwise convolution")


def check_options(method: str, memory: str) -> None:
    """Raise ValueError for a method or a way with memory that does not exist."""
    if method not in CHOOSERS and method not in METHODS:
        raise ValueError(f"unknown method {method!r}; there are {', '.join((*CHOOSERS, *METHODS))}")
    if memory not in ("fast", "small"):
        raise ValueError(f"memory must be 'fast' or 'small', not {memory!r}")
