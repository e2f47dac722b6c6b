"""The aggregated convolution of DASH: the public function."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kit.ops.autotune import fastest
from kit.ops.checks import check, tensors, whole
from kit.ops.dispatch import rule
from kit.ops.methods import METHODS
from kit.ops.plan import ConvShape
from kit.ops.precision import full


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
        memory: "fast" keeps what the backward pass can reuse, "small" computes it again.

    Returns:
        (B, C_out, ceil(n / stride)) or (B, C_out, ceil(n_1 / stride), ceil(n_2 / stride)).

    Raises:
        ValueError: arguments that do not fit together, or that are no tensors.
    """
    sizes, gaps = whole("kernel_sizes", kernel_sizes), whole("dilations", dilations)
    (stride,), (groups,) = whole("stride", [stride]), whole("groups", [groups])
    weights = tensors(x, weights, alpha)
    device = x.device.type
    autocast = device != "meta" and torch.is_autocast_enabled(device)
    if autocast and len(weights) > 0:
        wide = torch.promote_types(weights[0].dtype, torch.float32)
        x, alpha = x.to(wide), alpha.to(wide)
        weights = [weight.to(wide) for weight in weights]
    check(x, weights, alpha, sizes, gaps, stride, groups, method, memory)
    with full(device):
        conv = ConvShape(tuple(x.shape[2:]), sizes, gaps, stride, groups)
        if x.is_meta:  # it has no values, which the methods need
            return x.new_empty(len(x), len(weights[0]), *conv.outputs)
        if method == "auto":
            method = rule(x, weights, conv)
        elif method == "autotune":
            method = fastest(x, weights, alpha, conv, memory, METHODS)
        return METHODS[method](x, weights, alpha, conv, memory)
