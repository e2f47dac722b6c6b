"""Synthetic stamps in the format of deepCR's archives: sky, blurred sources and cosmic rays."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kit.files import replacing
from kit.seeding import generator

from .stamps import SIDE, SKY
from .visits import FILTER, RESOLVED_GALAXIES

EXPOSURES = 4


def write_archive(file: Path, part: str, count: int) -> None:
    """Write an archive with ``count`` stamps of one visit, and the sky levels of its exposures."""
    proposal, visit = min(RESOLVED_GALAXIES).split("_")
    folder = f"npy_{part}/{FILTER}/{proposal}/{visit}"
    sky = generator(0, "cosmic", part, "sky").uniform(30, 120, EXPOSURES)
    with replacing(file) as stream, tarfile.open(fileobj=stream, mode="w") as archive:
        for number in range(count):
            exposure = number % EXPOSURES
            stamp = draw(generator(0, "cosmic", part, number), float(sky[exposure]))
            _add(archive, f"{folder}/{exposure + 1}_{number:04d}.npy", stamp)
        _add(archive, f"{folder}/{SKY}", sky)


def draw(random: np.random.Generator, sky: float) -> npt.NDArray[np.float32]:
    """Return a stamp (3, 256, 256): image, cosmic-ray mask, ignore mask."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    image = np.full((SIDE, SIDE), sky)
    for _ in range(20):
        # Stars and galaxies are blurred by the optics; traces of cosmic rays are sharp.
        row, column = random.uniform(0, SIDE, 2)
        distance = (y - row) ** 2 + (x - column) ** 2
        image += 10 ** random.uniform(1.5, 3) * np.exp(-distance / 2 / random.uniform(1.5, 5) ** 2)
    image += np.sqrt(image) * random.standard_normal(image.shape)
    rays = np.zeros(image.shape, bool)
    for _ in range(30):
        steps = np.arange(0, random.uniform(3, 25), 0.5)
        angle = random.uniform(0, np.pi)
        row, column = random.uniform(0, SIDE, 2)
        rows = np.clip(row + steps * np.sin(angle), 0, SIDE - 1).astype(int)
        columns = np.clip(column + steps * np.cos(angle), 0, SIDE - 1).astype(int)
        rays[rows, columns] = True
        image[rows, columns] += 10 ** random.uniform(2, 3)
    ignored = np.zeros(image.shape)
    ignored[:, random.integers(SIDE, size=3)] = 1
    return np.stack([image, rays, ignored]).astype(np.float32)


def _add(archive: tarfile.TarFile, name: str, array: npt.NDArray[np.generic]) -> None:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    entry = tarfile.TarInfo(name)
    entry.size = content.tell()
    content.seek(0)
    archive.addfile(entry, content)
