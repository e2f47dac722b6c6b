from __future__ import annotations

import torch

from kit.methods.expert.darcy_flow import build
from kit.methods.expert.layers.spectral import SpectralConv2d
from kit.ops import count


def test_parameters_are_the_published_ones() -> None:
    network = build((1, 85, 85), 1)
    assert round(count.parameters(network) / 1e6, 2) == 1.19
    assert network(torch.randn(2, 1, 85, 85)).shape == (2, 1, 85, 85)


def test_spectral_convolution_against_a_direct_transform() -> None:
    """The definition: sums over all positions and over the kept frequencies, in doubles."""
    rows, columns, modes = 11, 9, 3
    layer = SpectralConv2d(2, 4, modes)
    x = torch.randn(3, 2, rows, columns)
    row, column = torch.arange(rows), torch.arange(columns)
    kept = torch.cat([row[:modes], row[-modes:]])
    weights = torch.cat([layer.low, layer.high], dim=2).to(torch.cdouble)

    def waves(frequencies: torch.Tensor, places: torch.Tensor, period: int) -> torch.Tensor:
        angle = 2 * torch.pi * frequencies[:, None] * places / period
        return torch.polar(torch.ones_like(angle), angle).to(torch.cdouble)

    down, across = waves(kept, row, rows), waves(column[:modes], column, columns)
    spectrum = torch.einsum("bcij,pi,qj->bcpq", x.to(torch.cdouble), down.conj(), across.conj())
    product = torch.einsum("bcpq,copq->bopq", spectrum, weights)
    # Of a real map's spectrum half is kept: all columns but the first stand for two. The first one
    # is a spectrum of its own along the rows, of which the real part is taken.
    product[..., 1:] *= 2
    expected = torch.einsum("bopq,pi,qj->boij", product, down, across).real / (rows * columns)
    torch.testing.assert_close(layer(x).double(), expected, rtol=1e-4, atol=1e-6)


def test_spectral_convolution_is_the_full_transform_cut() -> None:
    layer, x = SpectralConv2d(2, 3, 4), torch.randn(2, 2, 20, 17)
    spectrum = torch.fft.rfft2(x)
    cut = spectrum.new_zeros(2, 3, 20, 9)
    for weights, rows in ((layer.low, slice(None, 4)), (layer.high, slice(-4, None))):
        cut[:, :, rows, :4] = torch.einsum("bixy,ioxy->boxy", spectrum[:, :, rows, :4], weights)
    torch.testing.assert_close(layer(x), torch.fft.irfft2(cut, s=(20, 17)), rtol=1e-4, atol=1e-6)
