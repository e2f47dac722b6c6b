"""Spectra, correlations and equivariance against rotations that scipy makes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.linalg import expm
from scipy.spatial.transform import Rotation
from torch import Tensor

from kit.errors import KitError
from kit.methods.expert import spherical
from kit.methods.expert.layers import so3
from kit.ops import count

BANDWIDTH = 6
Floats = npt.NDArray[np.float64]
ALPHA = np.pi * np.arange(2 * BANDWIDTH) / BANDWIDTH
BETA = np.pi * (2 * np.arange(2 * BANDWIDTH) + 1) / (4 * BANDWIDTH)


def by_exponential(degree: int, beta: float) -> Floats:
    """exp(-i beta J_y), from the matrix of the angular momentum."""
    m = np.arange(-degree, degree)
    raising = np.diag(np.sqrt(degree * (degree + 1) - m * (m + 1)), -1)
    turned: Floats = expm(-0.5 * beta * (raising - raising.T))
    return turned


def on_sphere(rotation: Rotation) -> Tensor:
    """A polynomial of degree 3, sampled after a rotation: (1, 1, beta, alpha)."""
    beta, alpha = np.meshgrid(BETA, ALPHA, indexing="ij")
    places = np.stack([np.sin(beta) * np.cos(alpha), np.sin(beta) * np.sin(alpha), np.cos(beta)], 2)
    turned = rotation.inv().apply(places.reshape(-1, 3))
    return torch.tensor(polynomial(turned).reshape(beta.shape)[None, None]).float()


def polynomial(places: Floats) -> Floats:
    x, y, z = np.moveaxis(places, -1, 0)
    values: Floats = 0.3 + x + 2 * y * z - 0.7 * x * x + y * y * z
    return values


def of_rotation(rotation: Rotation) -> Floats:
    m = rotation.as_matrix()
    first, second = m[..., 0, 0] + 2 * m[..., 1, 2] * m[..., 0, 1], m[..., 2, 1] * m[..., 1, 1]
    values: Floats = 0.2 + first - m[..., 2, 0] * second
    return values


def zyz(alpha: Floats | float, beta: Floats | float, gamma: Floats | float) -> Rotation:
    angles = np.stack(np.broadcast_arrays(alpha, beta, gamma), -1)
    return Rotation.from_euler("ZYZ", angles.reshape(-1, 3))


@pytest.mark.parametrize("degree", [0, 1, 4, 11])
def test_wigner_d_is_the_exponential_of_the_angular_momentum(degree: int) -> None:
    beta = np.array([0.1, 1.3, 3.0])
    values = so3.wigner_d(12, beta)[:, degree]
    for have, angle in zip(values, beta, strict=True):
        want = by_exponential(degree, angle)
        inside = slice(11 - degree, 12 + degree)
        np.testing.assert_allclose(have[: degree + 1, inside], want[degree:], atol=1e-12)
    assert not values[:, degree + 1 :].any()


def test_a_signal_of_limited_bandwidth_is_found_again() -> None:
    noise = torch.randn(2, 3, *3 * [2 * BANDWIDTH], generator=torch.Generator().manual_seed(0))
    signal = so3.so3_signal(so3.so3_spectrum(noise, BANDWIDTH))
    again = so3.so3_signal(so3.so3_spectrum(signal, BANDWIDTH))
    torch.testing.assert_close(again, signal, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(so3.mean(noise), so3.mean(signal), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("sphere", [True, False])
def test_a_layer_adds_up_the_signal_at_the_turned_points_of_its_kernel(sphere: bool) -> None:
    """Evaluated directly, without any transform: z(R) = sum of w_i f(R R_i)."""
    torch.manual_seed(0)
    layer = spherical.Convolution(1, 1, (BANDWIDTH, BANDWIDTH), 0.4, sphere=sphere)
    weights = (layer.kernel[0, 0] * layer.scale).detach().double().numpy()
    points = Rotation.concatenate([zyz(*point) for point in layer.points])
    beta, alpha, gamma = np.meshgrid(BETA, ALPHA, ALPHA, indexing="ij")
    everywhere = zyz(alpha, beta, gamma)
    if sphere:
        x = on_sphere(Rotation.identity())
    else:
        x = torch.tensor(of_rotation(everywhere).reshape(1, 1, *beta.shape)).float()
    found = layer(x).detach().flatten()
    for number in (0, 77, 500, 1001, 1727):
        turned = everywhere[number] * points
        values = polynomial(turned.apply([0, 0, 1])) if sphere else of_rotation(turned)
        assert float(found[number]) == pytest.approx(float(weights @ values), abs=2e-6)


def energy_after(layers: int) -> Callable[[Tensor], Tensor]:
    """The mean square of the outputs of linear layers: an invariant, exactly."""
    torch.manual_seed(1)
    sizes = (BANDWIDTH, BANDWIDTH)
    stack = [spherical.Convolution(1, 4, sizes, 0.3, sphere=True)]
    stack += [spherical.Convolution(4, 4, sizes, 0.3) for _ in range(layers - 1)]
    return lambda x: so3.mean(torch.nn.Sequential(*stack)(x).square())


@pytest.mark.parametrize("layers", [1, 3])
def test_layers_turn_with_their_input(layers: int) -> None:
    energy = energy_after(layers)
    still = energy(on_sphere(Rotation.identity()))
    for rotation in Rotation.random(3, rng=0):
        torch.testing.assert_close(energy(on_sphere(rotation)), still, rtol=1e-4, atol=1e-6)


def test_the_network_hardly_sees_how_the_sphere_is_turned() -> None:
    """With ReLUs, which leave the band, up to sampling; other signals it tells well apart."""
    torch.manual_seed(0)
    network = spherical.build((1, 12, 12), 10, bandwidth=6).convolutional
    turned = torch.cat([on_sphere(rotation) for rotation in Rotation.random(6, rng=1)])
    other = on_sphere(Rotation.identity()).square()
    with torch.no_grad():
        features, different = so3.mean(network(turned)), so3.mean(network(other))
    spread = float((features - features.mean(0)).norm(dim=1).max())
    assert spread < 0.2 * float((features.mean(0) - different).norm())


def test_the_released_grid_and_the_published_size() -> None:
    angles = np.array(spherical.near_identity(0.5)).reshape(6, 6, 3)
    np.testing.assert_allclose(angles[0, :, 0] + angles[0, :, 2], np.linspace(-2, 2, 6) * math.pi)
    np.testing.assert_allclose(angles[3].sum(1) - 0.5, np.linspace(-2, 2, 6) * math.pi)
    with torch.device("meta"):
        network = spherical.build((3, 60, 60), 100)
    bandwidths = [x.bandwidth for x in network.modules() if isinstance(x, spherical.Convolution)]
    assert bandwidths == [30, 15, 15, 7, 7, 3, 3]
    assert count.parameters(network) == 159_948
    assert count.multiply_adds(network, (3, 60, 60)) > 10**8


def test_a_bandwidth_beyond_that_of_the_samples_is_refused() -> None:
    with pytest.raises(KitError, match="at most 6"):
        spherical.build((1, 12, 12), 10, bandwidth=7)
