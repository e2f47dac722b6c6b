"""Depthwise AggConv in the Fourier domain: one spectrum per channel, chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from kit.ops.grid import Grid
from kit.ops.merge import merge
from kit.ops.pair_grid import PairGrid
from kit.ops.plan import ConvShape
from kit.ops.precision import Gradients, backward_pass
from kit.ops.real_grid import RealGrid


def depthwise(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, conv: ConvShape, memory: str
) -> Tensor:
    """Filter every channel by its own mixed kernel."""
    grid = grid_of(conv, x.dtype, x.device, memory == "fast")
    taps = merge(grid.merging, alpha, weights)
    return _Depthwise.apply(x, taps, conv, grid, memory == "fast")


@lru_cache(maxsize=64)
def grid_of(conv: ConvShape, dtype: torch.dtype, device: torch.device, fast: bool) -> Grid:
    """Return the grid of a convolution; its chunks are smaller, to save memory, if not `fast`."""
    grid_class = RealGrid if len(conv.sizes) == 1 else PairGrid
    return grid_class(conv, dtype, device, fast)


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
        chunks = list(grid.chunks(x))
        of_chunks = grid.responses(taps[:, columns] for columns, _ in chunks)
        for (columns, samples), response in zip(chunks, of_chunks, strict=True):
            responses.append(response)
            for rows in samples:
                part = x[rows, columns]
                buffer = grid.buffer(part, 1) if buffer is None else buffer
                spectrum = grid.analyse(part, buffer, 1, False)
                if keep:
                    kept.append(spectrum)
                spectrum = grid.filtered(spectrum, response, buffer)
                grid.synthesise(spectrum, result[rows, columns], conv.stride, False)
        read = grid.wrapping.read(x)
        grid.wrapping.correct(result, read, taps)
        ctx.grid, ctx.shape, ctx.stride, ctx.chunks = grid, x.shape, conv.stride, chunks
        ctx.save_for_backward(None if keep else x, taps, *read, *responses, *kept)
        return result

    @staticmethod
    @backward_pass
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        grid: Grid = ctx.grid
        x, taps, *saved = ctx.saved_tensors
        sides, chunks = len(grid.wrapping.sides), len(ctx.chunks)
        read, responses = saved[:sides], saved[sides : sides + chunks]
        kept = iter(saved[sides + chunks :])
        needs_x, needs_taps = ctx.needs_input_grad[:2]
        result = gradient.new_empty(ctx.shape) if needs_x else None
        gradients = []
        buffer = data = None
        for (columns, samples), response in zip(ctx.chunks, responses, strict=True):
            turned = grid.turned(response) if needs_x else response
            total: Tensor | None = None
            for rows in samples:
                part = gradient[rows, columns]
                buffer = grid.buffer(part, ctx.stride) if buffer is None else buffer
                upstream = grid.analyse(part, buffer, ctx.stride, True)
                if result is not None:
                    spectrum = grid.filtered(upstream, turned, buffer)
                    grid.synthesise(spectrum, result[rows, columns], 1, True)
                if needs_taps:
                    if x is None:
                        spectrum = next(kept)
                    else:
                        part = x[rows, columns]
                        data = grid.buffer(part, 1) if data is None else data
                        spectrum = grid.analyse(part, data, 1, False)
                    product = grid.correlation(upstream, spectrum)
                    product = product[0] if len(product) == 1 else product.sum(0)
                    total = product if total is None else total.add_(product)
            if total is not None:
                gradients.append(grid.taps(total))
        if result is not None:
            grid.wrapping.correct_data(result, gradient, taps)
        taps_gradient = None
        if needs_taps:
            taps_gradient = gradients[0] if len(gradients) == 1 else torch.cat(gradients, 1)
            grid.wrapping.correct_taps(taps_gradient, gradient, read)
        return result, taps_gradient, None, None, None
