"""Reading deepCR's archives: stamps, masks and sky levels, one file at a time."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.data import checks, npy
from kit.data.archives import members
from kit.errors import DataError

from .visits import FILTER

SIDE, CROP = 256, 128
SKY = "sky.npy"
# Most bytes of a stamp: three planes of float64.
LARGEST = 3 * SIDE * SIDE * 8
CENTRE = np.s_[(SIDE - CROP) // 2 : (SIDE + CROP) // 2]


@dataclass(frozen=True)
class Stamps:
    """The central 128 x 128 pixels of stamps, sorted by path.

    Attributes:
        image: (stamps, 1, 128, 128) float32, counts.
        rays: (stamps, 1, 128, 128) uint8, 1 for pixels hit by a cosmic ray.
        counted: (stamps, 1, 128, 128) bool, False for pixels to ignore.
        sky: (stamps,) float32, the sky level of the whole exposure, counts; 0 if unknown.
        visit: the visit of each stamp, ``<proposal>_<visit>``.
    """

    image: npt.NDArray[np.float32]
    rays: npt.NDArray[np.uint8]
    counted: npt.NDArray[np.bool_]
    sky: npt.NDArray[np.float32]
    visit: list[str]


def read_stamps(
    archive: Path, visits: frozenset[str], progress: Callable[[int, int], None]
) -> Stamps:
    """Return the stamps of the chosen visits, in the order of their paths.

    The released code uses the order in which the file system lists the files.

    Raises:
        DataError: the archive is damaged, has no stamp of these visits, or a file is invalid.
    """

    def wanted(name: str) -> bool:
        parts = name.split("/")
        if len(parts) < 4 or not name.endswith(".npy") or parts[-1].startswith("."):
            return False
        return parts[-4] == FILTER and f"{parts[-3]}_{parts[-2]}" in visits

    stamps: dict[tuple[str, str, str], tuple[Any, Any, Any]] = {}
    skies: dict[tuple[str, str], npt.NDArray[np.float32]] = {}
    for name, stream in members(archive, wanted=wanted, progress=progress):
        proposal, visit, file = name.split("/")[-3:]
        place = f"{archive.name}: {name}"
        array = npy.load_stream(place, io.BufferedReader(stream), LARGEST)
        array = checks.numbers(place, array, array.shape)
        if file == SKY:
            skies[proposal, visit] = _sky(place, array)
        else:
            stamps[proposal, visit, file] = _stamp(place, array)
    if not stamps:
        raise DataError(f"{archive.name}: no stamp of filter {FILTER} and the chosen visits")
    keys = sorted(stamps)
    image, rays, counted = (
        np.stack([stamps[key][part] for key in keys])[:, None] for part in range(3)
    )
    sky = [_level(archive, key, skies.get(key[:2])) for key in keys]
    visited = [f"{proposal}_{visit}" for proposal, visit, _ in keys]
    return Stamps(image, rays, counted, np.array(sky, np.float32), visited)


def _stamp(place: str, array: npt.NDArray[Any]) -> tuple[Any, Any, Any]:
    """Return the centre of a stamp: image, cosmic-ray mask, and the mask of pixels that count."""
    if array.shape not in ((2, SIDE, SIDE), (3, SIDE, SIDE)):
        raise DataError(f"{place}: shape {array.shape}, not (2 or 3, {SIDE}, {SIDE})")
    image, *masks = array[:, CENTRE, CENTRE]
    for what, mask in zip(("cosmic-ray", "ignore"), masks, strict=False):
        if not np.isin(mask, (0, 1)).all():
            raise DataError(f"{place}: the {what} mask holds values other than 0 and 1")
    counted = masks[1] == 0 if len(masks) > 1 else np.ones(image.shape, bool)
    return image.astype(np.float32), masks[0].astype(np.uint8), counted


def _sky(place: str, array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return the sky levels (exposures,) of a visit, after a check of their shape."""
    if array.ndim != 1:
        raise DataError(f"{place}: shape {array.shape}, not one level per exposure")
    return array.astype(np.float32)


def _level(archive: Path, key: tuple[str, str, str], sky: npt.NDArray[Any] | None) -> float:
    """Return the sky level of a stamp's exposure, 0 if ``sky`` is None.

    The name of a stamp's file begins with the number of the exposure, counted from 1.
    """
    if sky is None:
        return 0.0
    number = key[2].partition("_")[0]
    if not number.isdigit() or not 1 <= int(number) <= len(sky):
        raise DataError(
            f"{archive.name}: {'/'.join(key)} names no exposure of the {len(sky)} in {SKY}"
        )
    return float(sky[int(number) - 1])
