"""Spectrum of the mixed kernel from its folded taps, a slab of frequencies at a time.

The operator is a correlation, y[t] = sum_o w_o x[t + o], hence its spectrum is sum_o w_o e^(i f o).
With w_e(u) = w(u) + w(-u) and w_o(u) = w(u) - w(-u),

    one axis:  Re = cos(f u) w_e,  Im = sin(f u) w_o
    two axes:  Re = cos cos w_ee - sin sin w_oo,  Im = cos sin w_eo + sin cos w_oe

so everything is a product of real matrices, and comes out frequency first, real and imaginary
parts apart, which is the layout in which the product over channels is a batched matrix product.
"""

from __future__ import annotations

from functools import lru_cache

import torch

from kit.ops.plan import ConvShape
from kit.ops.spectrum_1d import Spectrum1d
from kit.ops.spectrum_2d import Spectrum2d
from kit.ops.taps import FoldedTaps, folded_taps

Spectrum = Spectrum1d | Spectrum2d


@lru_cache(maxsize=64)
def spectrum_plan(
    conv: ConvShape, lengths: tuple[int, ...], dtype: torch.dtype, device: torch.device
) -> tuple[FoldedTaps, Spectrum]:
    """Return a convolution's folded taps, and the spectrum of given lengths made from them."""
    taps = folded_taps(conv, dtype, device)
    template = torch.empty(0, dtype=dtype, device=device)
    if len(conv.sizes) == 1:
        return taps, Spectrum1d(lengths, taps, template)
    return taps, Spectrum2d(lengths, taps, template)
