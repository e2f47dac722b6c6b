"""Coefficients: Gaussian random fields, thresholded to two values (NAS-Bench-360, appendix)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.fft import idctn

ALPHA, TAU = 2.0, 3.0
HIGH, LOW = 12.0, 3.0


def gaussian_field(random: np.random.Generator, grid: int) -> npt.NDArray[np.float64]:
    """Return one field (grid, grid) with covariance (-Laplace + tau^2)^(-alpha).

    The Laplace operator has Neumann boundary conditions: white noise in the cosine basis is
    multiplied by tau^(alpha-1) (pi^2 |k|^2 + tau^2)^(-alpha/2). The constant term is left out.
    """
    k = np.arange(grid)
    squared = np.pi**2 * (k[:, None] ** 2 + k[None, :] ** 2)
    spectrum = grid * TAU ** (ALPHA - 1) * (squared + TAU**2) ** (-ALPHA / 2)
    noise = spectrum * random.standard_normal((grid, grid))
    noise[0, 0] = 0.0
    return np.asarray(idctn(noise, type=2, norm="ortho"))


def coefficient(random: np.random.Generator, grid: int) -> npt.NDArray[np.float64]:
    """Return a diffusion coefficient (grid, grid): 12 where the field is >= 0, else 3."""
    return np.where(gaussian_field(random, grid) >= 0, HIGH, LOW)
