"""AggConv in the Fourier domain (DASH, section 3.2), with the shortest exact transform length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kit.ops.grids import Grid, grid_of
from kit.ops.merge import merge
from kit.ops.plan import Setting
from kit.ops.planar import planar_product
from kit.ops.precision import Gradients, backward_pass
from kit.ops.taps import distinct_taps
from kit.ops.transform import FourierTransform


def fourier(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, setting: Setting, memory: str
) -> Tensor:
    """Product of the spectra of x and of the one mixed kernel."""
    if setting.groups == 1:
        return planar_product(x, weights, alpha, setting, memory, FourierTransform(setting))
    plan = distinct_taps(setting, x.dtype, x.device)
    taps = merge(plan.merging, alpha, weights)
    return _Depthwise.apply(x, taps, setting, plan.positions, memory == "fast")


def sum_of_products(one: Tensor, other: Tensor, into: Tensor, first: bool) -> None:
    """Sum of one * other over their first axis, written to `into` or, if not first, added."""
    for index in range(len(one)):
        if first and index == 0:
            torch.mul(one[0], other[0], out=into)
        else:
            into.addcmul_(one[index], other[index])


class _Depthwise(torch.autograd.Function):
    """One spectrum per channel; planes are worked through in chunks that stay in the cache."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, taps: Tensor, setting: Setting, positions: Tensor, fast: bool
    ) -> Tensor:
        grid = grid_of(setting, fast)
        response = grid.response(taps, positions)
        result = x.new_empty(x.shape[0], x.shape[1], *setting.outputs)
        keep = fast and taps.requires_grad
        kept = []
        buffer: Tensor | None = None
        for rows, columns in grid.chunks(x):
            part = x[rows, columns]
            buffer = grid.buffer(part) if buffer is None else buffer
            spectrum = grid.analyse(part, buffer, 1)
            if keep:
                kept.append(spectrum)
                spectrum = spectrum * response[columns]
            else:
                spectrum *= response[columns]
            grid.synthesise(spectrum, result[rows, columns], setting.stride)
        ctx.grid, ctx.shape, ctx.stride = grid, x.shape, setting.stride
        ctx.save_for_backward(None if keep else x, positions, response, *kept)
        return result

    @staticmethod
    @backward_pass
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        x, positions, response, *kept = ctx.saved_tensors
        grid: Grid = ctx.grid
        of_x, of_taps = ctx.needs_input_grad[:2]
        result = gradient.new_empty(ctx.shape) if of_x else None
        conjugate = response.conj().resolve_conj() if of_x else response
        total = torch.empty_like(response) if of_taps else None
        buffer = data = None
        for index, (rows, columns) in enumerate(grid.chunks(gradient)):
            part = gradient[rows, columns]
            buffer = grid.buffer(part) if buffer is None else buffer
            spectrum = grid.analyse(part, buffer, ctx.stride)
            if result is not None:
                grid.synthesise(spectrum * conjugate[columns], result[rows, columns], 1)
            if total is not None:
                if kept:
                    of_data = kept[index]
                else:
                    part = x[rows, columns]
                    data = grid.buffer(part) if data is None else data
                    of_data = grid.analyse(part, data, 1)
                spectrum.conj_physical_()
                sum_of_products(spectrum, of_data, total[columns], rows.start == 0)
        of_kernel = None if total is None else grid.taps(total, positions)
        return result, of_kernel, None, None, None
