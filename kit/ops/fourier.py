"""AggConv in the Fourier domain (DASH, section 3.2), with the shortest exact transform length."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from kit.ops.merge import merge
from kit.ops.plan import Setting
from kit.ops.planar import planar_product
from kit.ops.precision import Gradients, backward_pass
from kit.ops.taps import distinct_taps
from kit.ops.transform import (
    CHUNK_BYTES,
    inverse_transform,
    padded_chunk,
    real_transform,
    strided,
    transform_plan,
)


def fourier(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, setting: Setting, memory: str
) -> Tensor:
    """Product of the spectra of x and of the one mixed kernel."""
    if setting.groups == 1:
        transform = transform_plan(setting, False, x.dtype, x.device)
        return planar_product(x, weights, alpha, setting, memory, transform)
    plan = distinct_taps(setting, x.dtype, x.device)
    taps = merge(plan.groups, alpha, weights)
    return _Depthwise.apply(x, taps, setting, plan.positions, memory == "fast")  # type: ignore[no-any-return,no-untyped-call]


class _Depthwise(torch.autograd.Function):
    """One spectrum per channel; planes are worked through in chunks that stay in the cache."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, taps: Tensor, setting: Setting, positions: Tensor, keep: bool
    ) -> Tensor:
        axes, lengths = len(setting.sizes), setting.lengths
        channels = x.shape[1]
        response = _response(taps, positions, lengths)
        result = x.new_empty(x.shape[0], channels, *setting.outputs)
        keep = keep and taps.requires_grad
        kept = []
        buffer: Tensor | None = None
        for rows, columns in _chunks(x.shape[0], channels, lengths, x.element_size()):
            part = x[rows, columns]
            if buffer is None:
                buffer = x.new_zeros(*part.shape[:2], *lengths)
            spectrum = real_transform(padded_chunk(part, buffer, 1), axes)
            if keep:
                kept.append(spectrum)
                spectrum = spectrum * response[columns]
            else:
                spectrum *= response[columns]
            found = inverse_transform(spectrum, lengths, setting.sizes)
            result[rows, columns] = strided(found, axes, setting.stride)
        ctx.setting = setting
        ctx.save_for_backward(x if not keep else None, positions, response, *kept)
        ctx.shape = x.shape
        return result

    @staticmethod
    @backward_pass
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        x, positions, response, *kept = ctx.saved_tensors
        setting: Setting = ctx.setting
        axes, lengths = len(setting.sizes), setting.lengths
        of_x, of_taps = ctx.needs_input_grad[:2]
        result = gradient.new_empty(ctx.shape) if of_x else None
        conjugate = response.conj().resolve_conj()
        total = torch.zeros_like(response) if of_taps else None
        buffer = data = None
        parts = _chunks(ctx.shape[0], ctx.shape[1], lengths, gradient.element_size())
        for index, (rows, columns) in enumerate(parts):
            part = gradient[rows, columns]
            if buffer is None:
                buffer = gradient.new_zeros(*part.shape[:2], *lengths)
            spectrum = real_transform(padded_chunk(part, buffer, setting.stride), axes)
            if result is not None:
                found = inverse_transform(spectrum * conjugate[columns], lengths, setting.sizes)
                result[rows, columns] = found
            if total is not None:
                if kept:
                    of_data = kept[index]
                else:
                    part = x[rows, columns]
                    if data is None:
                        data = x.new_zeros(*part.shape[:2], *lengths)
                    of_data = real_transform(padded_chunk(part, data, 1), axes)
                spectrum.conj_physical_()
                if len(spectrum) > 4:
                    total[columns] += torch.mul(spectrum, of_data, out=spectrum).sum(0)
                else:
                    for one, other in zip(spectrum, of_data, strict=True):
                        total[columns].addcmul_(one, other)
        of_kernel: Tensor | None = None
        if total is not None:
            # The adjoint of the taps' transform; total is the conjugate of the response's gradient,
            # as the positions hold minus the offsets.
            planes = torch.fft.irfftn(total.conj(), lengths, tuple(range(1, 1 + axes)))
            of_kernel = planes.flatten(1)[:, positions].t()
        return result, of_kernel, None, None, None


def _response(taps: Tensor, positions: Tensor, lengths: tuple[int, ...]) -> Tensor:
    """Spectrum (C, *half) of the kernels given as (taps, C) at flat grid positions."""
    planes = taps.new_zeros(taps.shape[1], math.prod(lengths))
    planes[:, positions] = taps.t()
    return real_transform(planes.view(-1, *lengths), len(lengths))


def _chunks(
    batch: int, channels: int, lengths: tuple[int, ...], element: int
) -> Iterator[tuple[slice, slice]]:
    """Slices of batch and channels: whole samples where several fit, else some channels of one."""
    planes = max(1, CHUNK_BYTES // (math.prod(lengths) * element))
    columns = min(channels, planes)
    rows = max(1, planes // channels)
    for column in range(0, channels, columns):
        for row in range(0, batch, rows):
            yield slice(row, min(batch, row + rows)), slice(column, min(channels, column + columns))
