"""Depthwise AggConv over one short axis as one Toeplitz matrix per channel."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from kit.ops.merge import merge
from kit.ops.plan import ConvShape
from kit.ops.precision import Gradients, backward_pass
from kit.ops.taps import distinct_taps


def toeplitz(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, conv: ConvShape, memory: str
) -> Tensor:
    """y_c[t] = sum_s x_c[s] M_c[s, t] with M_c[s, t] = v_c[s - t], the taps v at their offsets."""
    plan = distinct_taps(conv, x.dtype, x.device)
    taps = merge(plan.merging, alpha, weights)
    return _Toeplitz.apply(x, taps, conv)


@lru_cache(maxsize=64)
def _places(conv: ConvShape, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, ...]:
    """Return each tap's index in the lines of matrices, of their transposes, and of sums."""
    (n,) = conv.sizes
    offsets = distinct_taps(conv, dtype, device).offsets[:, 0].to(device)
    return n - 1 - offsets, n - 1 + offsets, -offsets % (2 * n + 1)


def _matrices(taps: Tensor, places: Tensor, n: int) -> Tensor:
    """Return (C, n, n): the tap at place n - 1 + i - j stands in row j and column i."""
    line = taps.new_zeros(2 * n - 1, taps.shape[1]).index_copy_(0, places, taps)
    return line.t().contiguous().unfold(1, n, 1).flip(1)


def _diagonal_sums(products: Tensor) -> Tensor:
    """(C, n, n) to (C, 2 n + 1): sums where column minus row is 0, 1, ..., -2, -1.

    Rows of length 2 n laid end to end and read as rows of length 2 n + 1 move left by one per row.
    """
    channels, n = products.shape[:2]
    lines = products.new_zeros(channels, n * (2 * n + 1))
    lines[:, : 2 * n * n].view(channels, n, 2 * n)[..., :n] = products
    return lines.view(channels, n, 2 * n + 1).sum(1)


class _Toeplitz(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, taps: Tensor, conv: ConvShape) -> Tensor:
        n, stride = conv.sizes[0], conv.stride
        x = x.contiguous()  # else batched products would copy it one matrix at a time
        ctx.places, ctx.stride = _places(conv, x.dtype, x.device), stride
        ctx.save_for_backward(x, taps)
        matrices = _matrices(taps, ctx.places[0], n)[..., ::stride]
        result = torch.bmm(x.transpose(0, 1), matrices).transpose(0, 1).contiguous()
        # Detached, since autograd forbids callers to change a view in place.
        return result.detach()

    @staticmethod
    @backward_pass
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        x, taps = ctx.saved_tensors
        n, stride = x.shape[2], ctx.stride
        if stride > 1:
            full = gradient.new_zeros(x.shape)
            full[..., ::stride] = gradient
            gradient = full
        upstream = gradient.contiguous().transpose(0, 1)
        result = into = None
        if ctx.needs_input_grad[0]:
            # Built anew, since a product with transposed matrices takes twice the time.
            matrices = _matrices(taps, ctx.places[1], n)
            result = torch.bmm(upstream, matrices).transpose(0, 1).contiguous()
        if ctx.needs_input_grad[1]:
            sums = _diagonal_sums(torch.bmm(x.permute(1, 2, 0), upstream))
            into = sums[:, ctx.places[2]].t()
        return result, into, None
