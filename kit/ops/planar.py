"""The product over channels in the frequency-first planar layout, and its gradients.

With rows [X_r; X_i] of 2 B lines per frequency the complex product needs two real batched ones:

    Y  = [X_r; X_i] W_r^T + [-X_i; X_r] W_i^T
    dX = [G_r; G_i] W_r   + [G_i; -G_r] W_i
    dW_r = [G_r; G_i]^T [X_r; X_i],  dW_i = [G_i; -G_r]^T [X_r; X_i]

The kernel's spectrum exists one slab of frequencies at a time, small enough for the cache, and is
made again in the backward pass; as a whole it would be the largest array of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from kit.ops.merge import merge
from kit.ops.plan import ConvShape
from kit.ops.precision import Gradients, backward_pass
from kit.ops.spectrum import Spectrum, spectrum_plan
from kit.ops.transform import Transform

SLAB_UNITS = 16
SLAB_BYTES = (3 << 20, 7 << 20)
"""Least and greatest size of a slab of the kernel's spectrum.

In between, a slab has SLAB_UNITS of the spectrum's units of frequencies: matrix products of fewer
are slower, and a slab of more bytes does not fit into the cache.
"""

SMALL_PARTS = 4
"""Number of parts of the batch with memory "small"; each makes the kernel's spectrum anew."""


def planar_product(
    x: Tensor,
    weights: Sequence[Tensor],
    alpha: Tensor,
    conv: ConvShape,
    memory: str,
    transform: Transform,
) -> Tensor:
    """AggConv, dense or depthwise, with the given transform of the data."""
    plan, spectrum = spectrum_plan(conv, transform.lengths, x.dtype, x.device)
    taps = merge(plan.merging, alpha, weights)
    outputs = weights[0].shape[0]
    return _Planar.apply(x, taps, conv, outputs, spectrum, transform, memory == "fast")


class _Planar(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        taps: Tensor,
        conv: ConvShape,
        outputs: int,
        spectrum: Spectrum,
        transform: Transform,
        fast: bool,
    ) -> Tensor:
        channels = x.shape[1]
        # Batched products are twice as fast with untransposed matrices: (C_in, C_out) here, and
        # (C_out, C_in) in the backward pass.
        ordered = taps if conv.groups > 1 else taps.view(-1, outputs, channels).mT.flatten(1)
        kept: Tensor | None = None
        results = []
        for rows in _parts(x, fast):
            data, turned = transform.analyse(x[rows], 1, 1)
            product = data.new_empty(*data.shape[:3], outputs)
            for start, stop in _slabs(spectrum, taps):
                part, into = data[start:stop], product[start:stop]
                real, imaginary = spectrum.slab(ordered, start, stop)
                if conv.groups > 1:
                    _multiply_channels(part, real, imaginary, into, 1)
                else:
                    shape = (stop - start, channels, outputs)
                    operands = real.view(shape), imaginary.view(shape)
                    _multiply(part, turned[start:stop], *operands, into)
            results.append(transform.synthesise(product, conv.stride))
            if fast and taps.requires_grad:
                kept = data
        ctx.conv, ctx.spectrum, ctx.transform, ctx.fast = conv, spectrum, transform, fast
        ctx.channels = channels
        ctx.save_for_backward(taps, x if kept is None else None, kept)
        result = results[0] if len(results) == 1 else torch.cat(results)
        # Detached, since autograd forbids callers to change a view in place.
        return result.detach()

    @staticmethod
    @backward_pass
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        taps, x, kept = ctx.saved_tensors
        needs_x, needs_taps = ctx.needs_input_grad[:2]
        into = torch.zeros_like(taps) if needs_taps else None
        results = []
        for rows in _parts(gradient, ctx.fast):
            upstream, turned = ctx.transform.analyse(gradient[rows], ctx.conv.stride, -1)
            data = kept
            if data is None and needs_taps:
                data, _ = ctx.transform.analyse(x[rows], 1, 1)
            back = upstream.new_empty(*upstream.shape[:3], ctx.channels) if needs_x else None
            _backward_slabs(ctx, taps, upstream, turned, data, back, into)
            if back is not None:
                results.append(ctx.transform.synthesise(back, 1))
        result = None
        if needs_x:
            result = results[0] if len(results) == 1 else torch.cat(results)
        return result, into, None, None, None, None, None


def _backward_slabs(
    ctx: Any,
    taps: Tensor,
    upstream: Tensor,
    turned: Tensor,
    data: Tensor | None,
    back: Tensor | None,
    into: Tensor | None,
) -> None:
    """Write the data gradient's spectrum to `back`, add the taps' gradient to `into`."""
    depthwise = ctx.conv.groups > 1
    for start, stop in _slabs(ctx.spectrum, taps):
        part, turns = upstream[start:stop], turned[start:stop]
        if back is not None:
            real, imaginary = ctx.spectrum.slab(taps, start, stop)
            if depthwise:
                _multiply_channels(part, real, imaginary, back[start:stop], -1)
            else:
                shape = (stop - start, -1, ctx.channels)
                _multiply(part, turns, real.view(shape), imaginary.view(shape), back[start:stop])
        if into is not None and data is not None:
            of_slab = _of_channels if depthwise else _of_matrices
            ctx.spectrum.add_adjoint(into, *of_slab(part, turns, data[start:stop]), start, stop)


def _parts(x: Tensor, fast: bool) -> list[slice]:
    """Return slices of the batch: all of it if `fast`, else `SMALL_PARTS` parts."""
    batch = x.shape[0]
    rows = batch if fast else -(-batch // SMALL_PARTS)
    return [slice(row, min(batch, row + rows)) for row in range(0, batch, rows)]


def _slabs(spectrum: Spectrum, taps: Tensor) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of each slab: frequencies in whole units."""
    unit = 2 * spectrum.unit * taps.shape[1] * taps.element_size()
    least, most = SLAB_BYTES
    step = max(1, min(max(least, SLAB_UNITS * unit), most) // unit) * spectrum.unit
    for start in range(0, spectrum.frequencies, step):
        yield start, min(start + step, spectrum.frequencies)


def _multiply(data: Tensor, turned: Tensor, real: Tensor, imaginary: Tensor, into: Tensor) -> None:
    """Write data real + turned imaginary to `into` (f, 2, B, O); the matrices are (f, I, O)."""
    lines = into.flatten(1, 2)
    torch.bmm(data.flatten(1, 2), real, out=lines)
    lines.baddbmm_(turned.flatten(1, 2), imaginary)


def _multiply_channels(
    data: Tensor, real: Tensor, imaginary: Tensor, into: Tensor, sign: int
) -> None:
    """Write data (real + sign i imaginary) to `into` (f, 2, B, C); the factors are (f, C)."""
    torch.mul(data, real[:, None, None], out=into)
    factor = imaginary[:, None]
    into[:, 0].addcmul_(data[:, 1], factor, value=-sign)
    into[:, 1].addcmul_(data[:, 0], factor, value=sign)


def _of_matrices(upstream: Tensor, turned: Tensor, data: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients (f, O I) of the real and the imaginary part of a slab."""
    lines = data.flatten(1, 2)
    real = torch.bmm(upstream.flatten(1, 2).mT, lines).flatten(1)
    return real, torch.bmm(turned.flatten(1, 2).mT, lines).flatten(1)


def _of_channels(upstream: Tensor, _: Tensor, data: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients (f, C) of the real and the imaginary part of a slab."""
    real = (upstream * data).sum((1, 2))
    return real, (upstream[:, 1] * data[:, 0]).sub_(upstream[:, 0] * data[:, 1]).sum(1)
