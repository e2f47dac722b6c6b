"""Depthwise AggConv over one short axis as one Hankel matrix per channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kit.ops.merge import merge
from kit.ops.plan import Setting
from kit.ops.precision import Gradients, backward_pass
from kit.ops.taps import distinct_taps
from kit.ops.transform import strided


def toeplitz(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, setting: Setting, memory: str
) -> Tensor:
    """y_c[t] = sum_s x_c[s] v_c[s - t], with the taps v at their offsets.

    With outputs in reverse order, u = n - 1 - t, the matrix v[s + u - (n - 1)] is symmetric and one
    copy of windows of v; it serves the data's gradient as it is.
    """
    plan = distinct_taps(setting, x.dtype, x.device)
    taps = merge(plan.merging, alpha, weights)
    return _Toeplitz.apply(x, taps, setting, plan.positions)


class _Toeplitz(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, taps: Tensor, setting: Setting, positions: Tensor) -> Tensor:
        n = setting.sizes[0]
        # A position is minus the offset modulo the transform length, a place the offset + n - 1.
        places = n - 1 - torch.where(positions < n, positions, positions - setting.lengths[0])
        line = taps.new_zeros(taps.shape[1], 2 * n - 1)
        line[:, places] = taps.t()
        matrices = line.unfold(1, n, 1).contiguous()
        data = x.transpose(0, 1).contiguous()
        reverse = torch.bmm(data, matrices)
        ctx.setting = setting
        ctx.save_for_backward(data, matrices, places)
        return strided(reverse.transpose(0, 1).flip(2), 1, setting.stride).contiguous()

    @staticmethod
    @backward_pass
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        data, matrices, places = ctx.saved_tensors
        n, stride = ctx.setting.sizes[0], ctx.setting.stride
        if stride > 1:
            full = gradient.new_zeros(*gradient.shape[:2], n)
            full[..., ::stride] = gradient
            gradient = full
        reverse = gradient.flip(2).transpose(0, 1).contiguous()
        result = into = None
        if ctx.needs_input_grad[0]:
            result = torch.bmm(reverse, matrices).transpose(0, 1).contiguous()
        if ctx.needs_input_grad[1]:
            # Sums over s + u: rows of length 2 n laid end to end and read as rows of length 2 n - 1
            # move to the right by one per row.
            products = data.new_empty(data.shape[0], n, 2 * n)
            products[..., n:] = 0
            # Copied in: written there directly, the product falls back to one call per channel.
            products[..., :n] = torch.bmm(data.mT, reverse)
            sums = products.flatten(1)[:, : n * (2 * n - 1)].view(-1, n, 2 * n - 1).sum(1)
            into = sums[:, places].t()
        return result, into, None, None
