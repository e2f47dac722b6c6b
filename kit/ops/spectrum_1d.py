"""Spectrum of the mixed kernel on one axis: Re = cos(f u) w_e, Im = sin(f u) w_o."""

from __future__ import annotations

import torch
from torch import Tensor

from kit.ops.angles import angles, half_weights
from kit.ops.taps import FoldedTaps


class Spectrum1d:
    """Kernel spectra for one axis; a slab is any range of frequencies."""

    unit = 1

    def __init__(self, lengths: tuple[int, ...], taps: FoldedTaps, template: Tensor) -> None:
        (length,) = lengths
        frequencies = torch.arange(length // 2 + 1, device="cpu")
        offsets = [offset for slots in taps.offsets for offset in slots[0]]
        angle = angles(frequencies, torch.tensor(offsets, dtype=torch.long, device="cpu"), length)
        cosine, sine = torch.cos(angle), torch.sin(angle)
        weights = half_weights(length)[:, None]
        self.frequencies = len(frequencies)
        self.cosine, self.sine = cosine.to(template), sine.to(template)
        self.cosine_back = (cosine * weights).to(template)
        self.sine_back = (sine * weights).to(template)

    def slab(self, taps: Tensor, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Real and imaginary part, each (frequencies, pairs), of frequencies start to stop."""
        return (
            self.cosine[start:stop] @ taps[0::2],
            self.sine[start:stop] @ taps[1::2],
        )

    def add_adjoint(
        self, into: Tensor, real: Tensor, imaginary: Tensor, start: int, stop: int
    ) -> None:
        """Add the taps' gradient, from that of a slab's real and imaginary part, to `into`.

        `into` is (taps, pairs).
        """
        into[0::2].addmm_(self.cosine_back[start:stop].t(), real)
        into[1::2].addmm_(self.sine_back[start:stop].t(), imaginary)
