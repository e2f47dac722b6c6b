"""Depthwise AggConv over one short axis as one Toeplitz matrix per channel."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from kit.ops.merge import merge
from kit.ops.plan import Setting
from kit.ops.precision import Gradients, backward_pass
from kit.ops.taps import distinct_taps


def toeplitz(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, setting: Setting, memory: str
) -> Tensor:
    """y_c = x_c M_c with M_c[s, t] = tap at offset s - stride t."""
    plan = distinct_taps(setting, x.dtype, x.device)
    places = _places(setting, x.dtype, x.device)
    taps = merge(plan.merging, alpha, weights)
    return _Toeplitz.apply(x, taps, setting, places, memory == "fast")


@lru_cache(maxsize=64)
def _places(setting: Setting, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Place of each tap among the offsets 1 - n .. n - 1, and of each matrix entry (n, n_out)."""
    n = setting.sizes[0]
    plan = distinct_taps(setting, dtype, device)
    of_taps = torch.tensor([o[0] + n - 1 for o in plan.offsets], dtype=torch.long, device=device)
    source = torch.arange(n, device=device)[:, None]
    target = torch.arange(0, n, setting.stride, device=device)[None, :]
    return of_taps, source - target + n - 1


def _matrices(taps: Tensor, places: tuple[Tensor, Tensor]) -> Tensor:
    of_taps, entries = places
    line = taps.new_zeros(taps.shape[1], 2 * entries.shape[0] - 1)
    line[:, of_taps] = taps.t()
    return line[:, entries.flatten()].view(-1, *entries.shape)


class _Toeplitz(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        taps: Tensor,
        setting: Setting,
        places: tuple[Tensor, Tensor],
        keep: bool,
    ) -> Tensor:
        matrices = _matrices(taps, places)
        result = x.new_empty(x.shape[0], x.shape[1], setting.outputs[0])
        torch.bmm(x.transpose(0, 1), matrices, out=result.transpose(0, 1))
        ctx.setting, ctx.places = setting, places
        ctx.save_for_backward(x, taps, matrices if keep and x.requires_grad else None)
        return result

    @staticmethod
    @backward_pass
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        x, taps, matrices = ctx.saved_tensors
        result = into = None
        upstream = gradient.transpose(0, 1)
        if ctx.needs_input_grad[0]:
            if matrices is None:
                matrices = _matrices(taps, ctx.places)
            result = torch.empty_like(x, memory_format=torch.contiguous_format)
            torch.bmm(upstream, matrices.mT, out=result.transpose(0, 1))
        if ctx.needs_input_grad[1]:
            into = _diagonal_sums(torch.bmm(x.permute(1, 2, 0), upstream), ctx.setting.stride)
            into = into[:, ctx.places[0]].t()
        return result, into, None, None, None


def _diagonal_sums(matrices: Tensor, stride: int) -> Tensor:
    """(C, 2 n - 1): sums over the entries [s, t] of equal s - stride t, from 1 - n to n - 1."""
    channels, n, _ = matrices.shape
    if stride > 1:
        wide = matrices.new_zeros(channels, n, n)
        wide[..., ::stride] = matrices
        matrices = wide
    # Rows of length 2 n laid end to end and read as rows of length 2 n - 1 shift by one per row.
    skewed = F.pad(matrices.flip(2), (0, n)).flatten(1)[:, : n * (2 * n - 1)]
    return skewed.view(channels, n, 2 * n - 1).sum(1)
