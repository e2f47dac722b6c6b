"""Projecting images on the sphere, after the data script of Spherical CNNs (Cohen et al., 2018).

The sphere stands on the image plane. A ray from just above its north pole through a point of the
sphere meets the plane in that point's place in the image. The published images were made so from
three channels by a script that is not public; what is not recorded is chosen here: the scaling to
0..255 is one for the three channels of an image.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

BANDWIDTH = 30
NORTH_POLE = 2 + 1e-3
Array = npt.NDArray[np.float64]


def grid(bandwidth: int = BANDWIDTH) -> Array:
    """Return the Driscoll-Healy points of the unit sphere: (3, 2 bandwidth, 2 bandwidth).

    Rows are colatitudes pi j / (2 bandwidth), columns are longitudes pi k / bandwidth.
    """
    steps = np.arange(2 * bandwidth)
    theta, phi = np.meshgrid(
        np.pi * steps / (2 * bandwidth), np.pi * steps / bandwidth, indexing="ij"
    )
    return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)])


def rotation(random: np.random.Generator) -> Array:
    """Return a uniformly random rotation (3, 3): about the pole, then half a turn."""
    turn, direction, height = random.uniform(size=3) * (2 * np.pi, 2 * np.pi, 2)
    about = np.array([[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    # The half turn is about v, uniform on the upper half of the sphere; its length is sqrt(2).
    v = np.array(
        [
            np.sin(direction) * np.sqrt(height),
            np.cos(direction) * np.sqrt(height),
            np.sqrt(2 - height),
        ]
    )
    rotated: Array = (np.outer(v, v) - np.eye(3)) @ about
    return rotated


def places(points: Array) -> tuple[Array, Array]:
    """Return where rays through points (3, ...) meet the plane: 0..1 along both image axes.

    The image is 3 radii wide and stands under the south pole. The equator meets the plane 2 radii
    from there, so no more than the corners of the image lie beyond it.
    """
    x, y, z = points[0], points[1], points[2] + 1
    stretch = NORTH_POLE / (NORTH_POLE - z)
    return (stretch * x + 1.5) / 3, (stretch * y + 1.5) / 3


def interpolation(points: Array, side: int) -> csr_array:
    """Return the map (points, side * side) from an image's pixels to values at points.

    The four neighbours are those one pixel before and one after the pixel that a place falls in,
    with weights that are linear in the distance; what is outside the image is 0. The weights sum
    to 4, which the scaling to 0..255 undoes.
    """
    row, column = (place.ravel() * side for place in places(points))
    # Towards zero, as the script has it.
    first, second = np.trunc(row), np.trunc(column)
    which: list[npt.NDArray[np.int64]] = []
    pixels: list[npt.NDArray[np.int64]] = []
    weights: list[Array] = []
    for down in (-1, 1):
        for right in (-1, 1):
            i, j = first + down, second + right
            weight = (1 + down * (row - first)) * (1 + right * (column - second))
            inside = np.flatnonzero((i >= 0) & (i < side) & (j >= 0) & (j < side))
            which.append(inside)
            pixels.append((i[inside] * side + j[inside]).astype(np.int64))
            weights.append(weight[inside])
    entries = (np.concatenate(weights), (np.concatenate(which), np.concatenate(pixels)))
    return csr_array(entries, shape=(row.size, side * side))


def project(
    images: npt.NDArray[np.uint8], turn: Array, bandwidth: int = BANDWIDTH
) -> npt.NDArray[np.uint8]:
    """Project images with one rotation.

    Args:
        images: (n, channels, side, side).
        turn: rotation of the grid, (3, 3).
        bandwidth: half the number of points along each axis of the grid.

    Returns:
        (n, channels, 2 bandwidth, 2 bandwidth), each image stretched to 0..255 as a whole; an
        image of one value becomes 0.
    """
    count, channels, side, _ = images.shape
    points = np.einsum("ij,jab->iab", turn, grid(bandwidth))
    values = interpolation(points, side) @ images.reshape(count * channels, -1).T.astype(float)
    spheres = values.T.reshape(count, -1)
    low, high = spheres.min(axis=1, keepdims=True), spheres.max(axis=1, keepdims=True)
    scaled = 255 * (spheres - low) / np.where(high > low, high - low, 1)
    return scaled.astype(np.uint8).reshape(count, channels, 2 * bandwidth, 2 * bandwidth)
