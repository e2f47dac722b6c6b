"""AggConv in the Fourier domain (DASH, section 3.2, equation 5), with the shortest exact length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from kit.ops.plan import candidates, live_taps, transform_length

Index: TypeAlias = Any  # what Tensor.__getitem__ takes; torch's stubs know no mixed tuple


def fourier(
    x: Tensor,
    weights: Sequence[Tensor],
    alpha: Tensor,
    kernel_sizes: tuple[int, ...],
    dilations: tuple[int, ...],
    stride: int,
    groups: int,
) -> Tensor:
    """Product of the spectra of x and of the one mixed kernel."""
    sizes = x.shape[2:]
    axes = len(sizes)
    dims = tuple(range(2, 2 + axes))
    lengths = [transform_length(n, kernel_sizes, dilations) for n in sizes]
    kernel = weights[0].new_zeros((*weights[0].shape[:2], *lengths))
    for candidate, weight, coefficient in zip(
        candidates(kernel_sizes, dilations), weights, alpha.unbind(), strict=True
    ):
        live = [live_taps(candidate, n) for n in sizes]
        # Circular convolution: the tap that reads x[t + offset] sits at index -offset.
        places = [
            torch.tensor([-candidate.offsets[j] % length for j in taps], dtype=torch.long).to(
                x.device
            )
            for taps, length in zip(live, lengths, strict=True)
        ]
        spans: Index = (..., *[slice(taps.start, taps.stop) for taps in live])
        inside = weight[spans]
        index: Index = (..., places[0]) if axes == 1 else (..., places[0][:, None], places[1])
        kernel[index] += coefficient * inside
    spectrum = torch.fft.rfftn(x, lengths, dims)
    response = torch.fft.rfftn(kernel, lengths, dims)
    if groups == 1:
        product = torch.einsum("bi...,oi...->bo...", spectrum, response)
    else:
        product = spectrum * response[:, 0]
    result: Tensor = torch.fft.irfftn(product, lengths, dims)
    for axis, n in zip(dims, sizes, strict=True):
        result = result.narrow(axis, 0, n)
        result = result[..., ::stride] if axis == dims[-1] else result[:, :, ::stride]
    return result.contiguous()
