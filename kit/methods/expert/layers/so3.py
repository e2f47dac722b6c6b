"""Fourier analysis of real signals on the sphere and on the group of rotations SO(3).

A rotation is Z(alpha) Y(beta) Z(gamma). A signal of bandwidth b is sampled at alpha, gamma = 2 pi
k / 2b and beta = pi (2k + 1) / 4b. Its spectrum (degree l, order m, order n) is stored with zeros
where an order exceeds the degree, and for m >= 0 only: signals are real, so
F(l, -m, -n) = (-1)^(m - n) conj F(l, m, n). Kostelec and Rockmore, FFTs on the rotation group,
2008.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

# (alpha, beta, gamma) of each of some rotations; a point of the sphere has gamma 0.
Rotations = tuple[tuple[float, float, float], ...]


def wigner_d(bandwidth: int, beta: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return Wigner's d^l_mn(beta), by Jacobi polynomials.

    Args:
        bandwidth: degrees are 0 .. bandwidth - 1.
        beta: angles (count,) in radians.

    Returns:
        (count, bandwidth, bandwidth, 2 bandwidth - 1): angle, degree l, order m from 0 on, order n
        from 1 - bandwidth on.
    """
    from scipy.special import eval_jacobi, gammaln  # here, since only values need it, not shapes

    orders = np.arange(bandwidth), np.arange(1 - bandwidth, bandwidth)
    grid = np.meshgrid(np.arange(bandwidth), *orders, indexing="ij")
    inside = (grid[1] <= grid[0]) & (abs(grid[2]) <= grid[0])
    degree, m, n = (values[inside] for values in grid)
    k, a, b = degree - np.maximum(m, abs(n)), abs(m - n), abs(m + n)
    norm = gammaln(k + a + b + 1) + gammaln(k + 1) - gammaln(k + a + 1) - gammaln(k + b + 1)
    sign = np.where((m > n) & (a % 2 == 1), -1.0, 1.0)
    half = beta[:, None] / 2
    values = np.zeros((len(beta), *inside.shape))
    values[:, inside] = (
        sign
        * np.exp(norm / 2)
        * np.sin(half) ** a
        * np.cos(half) ** b
        * eval_jacobi(k, a, b, np.cos(2 * half))
    )
    return values


@cache
def quadrature(bandwidth: int, device: torch.device) -> Tensor:
    """Return the weights (2 bandwidth,) of the rings beta in a mean over the sphere, or SO(3)."""
    odd = 2 * np.arange(bandwidth) + 1
    beta = _rings(bandwidth)[:, None]
    weights = np.sin(beta[:, 0]) * (np.sin(beta * odd) / odd).sum(1) * 2 / bandwidth
    return torch.as_tensor(weights / 2, dtype=torch.float32, device=device)


@cache
def point_functions(bandwidth: int, rotations: Rotations, device: torch.device) -> Tensor:
    """Return conj D^l_kn at some rotations: (count, degree l, order k, order n), of both signs.

    Their sum, weighted by a kernel's values at the rotations, is what ``correlate`` takes.
    """
    alpha, beta, gamma = np.array(rotations).T
    upper = wigner_d(bandwidth, beta)
    orders = np.arange(1 - bandwidth, bandwidth)
    # d_(-m)(-n) = (-1)^(m - n) d_mn gives the negative first orders.
    lower = upper[:, :, :0:-1, ::-1] * (-1.0) ** (orders[: bandwidth - 1, None] - orders)
    turn = np.exp(1j * alpha[:, None] * orders)[:, None, :, None]
    turn = turn * np.exp(1j * gamma[:, None] * orders)[:, None, None, :]
    values = np.concatenate([lower, upper], axis=2) * turn
    return torch.as_tensor(values, dtype=torch.complex64, device=device)


def s2_spectrum(signal: Tensor, bandwidth: int) -> Tensor:
    """(..., beta, alpha) -> (..., l, m, 1), a spectrum whose only order n is 0."""
    rings = torch.fft.rfft(signal, norm="forward")[..., :bandwidth]
    functions = _analysis(signal.shape[-1] // 2, bandwidth, signal.device)
    return _contract("rlm,...rmz->...lmz", functions[..., bandwidth - 1], rings)[..., None]


def so3_spectrum(signal: Tensor, bandwidth: int) -> Tensor:
    """(..., beta, alpha, gamma) -> (..., l, m, n)."""
    rings = torch.fft.rfft2(signal, dim=(-1, -2), norm="forward")
    orders = torch.arange(1 - bandwidth, bandwidth, device=signal.device) % signal.shape[-1]
    rings = rings[..., :bandwidth, :].index_select(-1, orders)
    functions = _analysis(signal.shape[-1] // 2, bandwidth, signal.device)
    return _contract("rlmn,...rmnz->...lmnz", functions, rings)


def so3_signal(spectrum: Tensor) -> Tensor:
    """(..., l, m, n) -> (..., beta, alpha, gamma), the inverse of ``so3_spectrum``."""
    bandwidth = spectrum.shape[-3]
    size = 2 * bandwidth
    rings = _contract("rlmn,...lmnz->...rmnz", _synthesis(bandwidth, spectrum.device), spectrum)
    # Orders from 1 - b to b - 1 become the 2b frequencies of a transform, that of order b zero.
    rings = torch.nn.functional.pad(rings, (1, 0)).roll(bandwidth, -1)
    return torch.fft.irfft2(rings, s=(size, size), dim=(-1, -2), norm="forward")


def correlate(spectrum: Tensor, kernel: Tensor) -> Tensor:
    """Correlate signals with a kernel: at rotation R, the kernel turned by R is laid over them.

    Args:
        spectrum: (batch, inputs, l, m, n) of the signals.
        kernel: (inputs, outputs, l, k, n), the conjugate spectrum of the kernel, k of both signs.

    Returns:
        (batch, outputs, l, m, k).
    """
    return torch.einsum("bilmn,iolkn->bolmk", spectrum, kernel)


def mean(signal: Tensor) -> Tensor:
    """Return the mean over all rotations: (..., beta, alpha, gamma) -> (...)."""
    return signal.mean((-1, -2)) @ quadrature(signal.shape[-1] // 2, signal.device)


def _rings(bandwidth: int) -> npt.NDArray[np.float64]:
    return np.pi * (2 * np.arange(2 * bandwidth) + 1) / (4 * bandwidth)


@cache
def _analysis(bandwidth: int, degrees: int, device: torch.device) -> Tensor:
    """Return d^l_mn, l < degrees, at the rings of a signal, times the rings' weights."""
    functions = torch.as_tensor(
        wigner_d(degrees, _rings(bandwidth)), dtype=torch.float32, device=device
    )
    return functions * quadrature(bandwidth, device)[:, None, None, None]


@cache
def _synthesis(bandwidth: int, device: torch.device) -> Tensor:
    """Return (2 l + 1) d^l_mn at the rings of a signal."""
    degrees = 2 * np.arange(bandwidth)[:, None, None] + 1
    functions = wigner_d(bandwidth, _rings(bandwidth)) * degrees
    return torch.as_tensor(functions, dtype=torch.float32, device=device)


def _contract(equation: str, functions: Tensor, spectrum: Tensor) -> Tensor:
    """Contract real functions with a complex tensor; z is its pair of real numbers."""
    pairs = torch.einsum(equation, functions, torch.view_as_real(spectrum))
    return torch.view_as_complex(pairs.contiguous())
