"""AggConv on images with its large dilations taken apart.

A convolution of dilation d only ever combines positions of one residue mod d, per axis. On each of
these d^2 phases of the data it is undilated and reaches d times less far, so that its transform is
short and all phases share one kernel spectrum. That costs transforms of the data once per dilation,
and saves most of the kernel's spectrum, which is what counts where the batch is small and there are
many channels. The smallest dilations may stay together in one transform of the data as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from kit.ops.dft import dft_matmul, is_short
from kit.ops.fourier import fourier
from kit.ops.phase_plan import Part, best, serves
from kit.ops.plan import ConvShape
from kit.ops.precision import Gradients, backward_pass


def phases(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, conv: ConvShape, memory: str
) -> Tensor:
    """Return the sum over parts; a convolution that has no phases (`serves`) is one part."""
    if not serves(conv):
        return _whole(x, weights, alpha, conv, memory)
    parts = best(conv, x.shape[0], x.shape[1], weights[0].shape[0])[0]
    coefficients = alpha.unbind()
    results = [
        _whole(
            data,
            [weights[index] for index in part.chosen],
            torch.stack([coefficients[index] for index in part.chosen]),
            part.conv,
            memory,
        )
        for part, data in zip(parts, _Split.apply(x, parts), strict=True)
    ]
    joined: Tensor = _Join.apply(parts, conv.sizes, *results)
    return joined


def _whole(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, conv: ConvShape, memory: str
) -> Tensor:
    """Compute an AggConv in one piece."""
    return (dft_matmul if is_short(conv) else fourier)(x, weights, alpha, conv, memory)


def _padded(parts: Sequence[Part]) -> list[int]:
    """Return the size of each axis at which all phases of all parts are of full length."""
    return [max(part.factor * part.conv.sizes[axis] for part in parts) for axis in (0, 1)]


def _phases(padded: Tensor, part: Part) -> Tensor:
    """Return the phases of padded data, as a view (factor, factor, B, C, m_1, m_2)."""
    factor, (rows, columns) = part.factor, part.conv.sizes
    whole = padded[..., : rows * factor, : columns * factor]
    parts = whole.unflatten(3, (columns, factor)).unflatten(2, (rows, factor))
    return parts.permute(3, 5, 0, 1, 2, 4)


def _split(x: Tensor, parts: Sequence[Part]) -> tuple[Tensor, ...]:
    """Return every part's phases (factor^2 B, C, m_1, m_2), laid out for its transform."""
    rows, columns = _padded(parts)
    padded = pad(x, (0, columns - x.shape[3], 0, rows - x.shape[2]))
    results = []
    for part in parts:
        places = _phases(padded, part)
        if is_short(part.conv):
            positions = places.permute(4, 5, 0, 1, 2, 3).contiguous()
            results.append(positions.flatten(2, 4).permute(2, 3, 0, 1))
        else:
            results.append(places.flatten(0, 2).contiguous())
    return tuple(results)


def _join(results: Sequence[Tensor], parts: Sequence[Part], sizes: Sequence[int]) -> Tensor:
    """Return the data from phases in their places, summed over parts: adjoint of `_split`."""
    samples, channels = len(results[0]) // parts[0].factor ** 2, results[0].shape[1]
    total = results[0].new_zeros(samples, channels, *_padded(parts))
    for result, part in zip(results, parts, strict=True):
        places = _phases(total, part)
        places += result.view(places.shape)
    return total[..., : sizes[0], : sizes[1]]


class _Split(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, parts: tuple[Part, ...]) -> tuple[Tensor, ...]:
        ctx.parts, ctx.sizes = parts, x.shape[2:]
        return _split(x, parts)

    @staticmethod
    @backward_pass
    def backward(ctx: Any, *gradients: Tensor) -> Gradients:
        return _join(gradients, ctx.parts, ctx.sizes), None


class _Join(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, parts: tuple[Part, ...], sizes: tuple[int, ...], *results: Tensor
    ) -> Tensor:
        ctx.parts = parts
        # Detached, since autograd forbids callers to change a view in place.
        return _join(results, parts, sizes).detach()

    @staticmethod
    @backward_pass
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        return None, None, *_split(gradient, ctx.parts)
