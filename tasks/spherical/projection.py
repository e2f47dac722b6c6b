"""Projecting images onto the sphere, after the data script of Spherical CNNs (Cohen et al., 2018).

The sphere stands on the image plane. A ray from just above its north pole through a point of the
sphere meets the plane at the position of this point in the image. The published images were made
like this from three channels, by a script that is not public. How it scales to 0..255 is not known;
here the three channels of an image are scaled together.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

BANDWIDTH = 30
# Height above the image plane from which rays start, in radii.
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
    """Return a uniformly random rotation (3, 3): one about the pole, then a half turn."""
    turn, direction, height = random.uniform(size=3) * (2 * np.pi, 2 * np.pi, 2)
    about = np.array([[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    # The axis of the half turn is v, of length sqrt(2), drawn so that the turned pole is uniform.
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
    """Return the positions where rays through points (3, ...) meet the plane.

    Positions are 0..1 along both axes inside the image, which is 3 radii wide, with the south pole
    at its centre. Rays through the equator meet the plane 2 radii from there, so only the corners
    of the image are beyond them.
    """
    x, y, z = points[0], points[1], points[2] + 1
    stretch = NORTH_POLE / (NORTH_POLE - z)
    return (stretch * x + 1.5) / 3, (stretch * y + 1.5) / 3


def interpolation(points: Array, side: int) -> csr_array:
    """Return the sparse matrix (points, side * side) from an image's pixels to values at points.

    A value is interpolated from four pixels, one before and one after the pixel that contains the
    position, along each axis, with weights that are linear in the distance. Pixels outside the
    image are 0. The weights sum to 4, which the later scaling to 0..255 corrects.
    """
    row, column = (place.ravel() * side for place in places(points))
    # Rounded towards zero, as in the script.
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
    """Project images onto the sphere, all with the same rotation.

    Args:
        images: (n, channels, side, side).
        turn: rotation of the grid, (3, 3).
        bandwidth: half the number of points along each axis of the grid.

    Returns:
        (n, channels, 2 bandwidth, 2 bandwidth); each image is scaled to 0..255 over all channels,
        and a constant one becomes 0.
    """
    count, channels, side, _ = images.shape
    points = np.einsum("ij,jab->iab", turn, grid(bandwidth))
    values = interpolation(points, side) @ images.reshape(count * channels, -1).T.astype(float)
    spheres = values.T.reshape(count, -1)
    low, high = spheres.min(axis=1, keepdims=True), spheres.max(axis=1, keepdims=True)
    scaled = 255 * (spheres - low) / np.where(high > low, high - low, 1)
    return scaled.astype(np.uint8).reshape(count, channels, 2 * bandwidth, 2 * bandwidth)
