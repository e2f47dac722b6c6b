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
        result = x.new_empty(x.shape[0], x.shape[1], *conv.outputs)
        keep = fast and taps.requires_grad
        responses, kept = [], []
        buffer: Tensor | None = None
        for columns, samples in grid.chunks(x):
            response = grid.response(taps[:, columns])
            responses.append(response)
            for rows in samples:
                part = x[rows, columns]
                buffer = grid.buffer(part, 1) if buffer is None else buffer
                spectrum = grid.analyse(part, buffer, 1, False)
                if keep:
                    kept.append(spectrum)
                spectrum = grid.filtered(spectrum, response, buffer)
                grid.synthesise(spectrum, result[rows, columns], conv.stride, False)
        ctx.grid, ctx.shape, ctx.stride, ctx.count = grid, x.shape, conv.stride, len(responses)
        ctx.save_for_backward(None if keep else x, *responses, *kept)
        return result

    @staticmethod
    @backward_pass
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        x, *saved = ctx.saved_tensors
        responses, kept = saved[: ctx.count], iter(saved[ctx.count :])
        grid: Grid = ctx.grid
        of_x, of_taps = ctx.needs_input_grad[:2]
        result = gradient.new_empty(ctx.shape) if of_x else None
        found = []
        buffer = data = None
        for (columns, samples), response in zip(grid.chunks(gradient), responses, strict=True):
            turned = grid.turned(response) if of_x else response
            total: Tensor | None = None
            for rows in samples:
                part = gradient[rows, columns]
                buffer = grid.buffer(part, ctx.stride) if buffer is None else buffer
                upstream = grid.analyse(part, buffer, ctx.stride, True)
                if result is not None:
                    spectrum = grid.filtered(upstream, turned, buffer)
                    grid.synthesise(spectrum, result[rows, columns], 1, True)
                if of_taps:
                    if x is None:
                        spectrum = next(kept)
                    else:
                        part = x[rows, columns]
                        data = grid.buffer(part, 1) if data is None else data
                        spectrum = grid.analyse(part, data, 1, False)
                    own = grid.correlation(upstream, spectrum)
                    own = own[0] if len(own) == 1 else own.sum(0)
                    total = own if total is None else total.add_(own)
            if total is not None:
                found.append(grid.taps(total))
        of_kernel = None
        if of_taps:
            of_kernel = found[0] if len(found) == 1 else torch.cat(found, 1)
        return result, of_kernel, None, None, None
