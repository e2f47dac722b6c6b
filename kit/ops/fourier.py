"""AggConv in the Fourier domain (DASH, section 3.2), with the shortest exact transform length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kit.ops.grids import Grid, grid_of
from kit.ops.merge import merge
from kit.ops.plan import ConvShape
from kit.ops.planar import planar_product
from kit.ops.precision import Gradients, backward_pass
from kit.ops.transform import FourierTransform


def fourier(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, conv: ConvShape, memory: str
) -> Tensor:
    """Product of the spectra of x and of the one mixed kernel."""
    if conv.groups == 1:
        return planar_product(x, weights, alpha, conv, memory, FourierTransform(conv))
    grid = grid_of(conv, x.dtype, x.device, memory == "fast")
    taps = merge(grid.merging, alpha, weights)
    return _Depthwise.apply(x, taps, conv, grid, memory == "fast")


class _Depthwise(torch.autograd.Function):
    """One spectrum per channel; planes are worked through in chunks that stay in the cache."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, taps: Tensor, conv: ConvShape, grid: Grid, fast: bool
    ) -> Tensor:
        response = grid.response(taps)
        result = x.new_empty(x.shape[0], x.shape[1], *conv.outputs)
        keep = fast and taps.requires_grad
        kept = []
        buffer: Tensor | None = None
        for rows, columns in grid.chunks(x):
            part = x[rows, columns]
            buffer = grid.buffer(part, 1) if buffer is None else buffer
            spectrum = grid.analyse(part, buffer, 1, False)
            if keep:
                kept.append(spectrum)
            spectrum = grid.filtered(spectrum, response[columns], buffer)
            grid.synthesise(spectrum, result[rows, columns], conv.stride, False)
        ctx.grid, ctx.shape, ctx.stride = grid, x.shape, conv.stride
        ctx.save_for_backward(None if keep else x, response, *kept)
        return result

    @staticmethod
    @backward_pass
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        x, response, *kept = ctx.saved_tensors
        grid: Grid = ctx.grid
        of_x, of_taps = ctx.needs_input_grad[:2]
        result = gradient.new_empty(ctx.shape) if of_x else None
        turned = grid.turned(response) if of_x else response
        total = torch.empty_like(response) if of_taps else None
        buffer = data = None
        for index, (rows, columns) in enumerate(grid.chunks(gradient)):
            part = gradient[rows, columns]
            buffer = grid.buffer(part, ctx.stride) if buffer is None else buffer
            upstream = grid.analyse(part, buffer, ctx.stride, True)
            if result is not None:
                spectrum = grid.filtered(upstream, turned[columns], buffer)
                grid.synthesise(spectrum, result[rows, columns], 1, True)
            if total is not None:
                if kept:
                    spectrum = kept[index]
                else:
                    part = x[rows, columns]
                    data = grid.buffer(part, 1) if data is None else data
                    spectrum = grid.analyse(part, data, 1, False)
                found = grid.correlation(upstream, spectrum)
                if rows.start == 0:
                    torch.sum(found, 0, out=total[columns])
                else:
                    total[columns] += found.sum(0)
        of_kernel = None if total is None else grid.taps(total)
        return result, of_kernel, None, None, None
