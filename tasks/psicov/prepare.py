"""Preparing PSICOV: features and distance maps of proteins, each at its own length.

The first 100 proteins of ``deepcov.lst`` are for validation, its others for training, and those of
``psicov.lst`` for the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from kit.data.archives import unpack
from kit.errors import DataError
from kit.task import Contents, Preparation

from .proteins import RESIDUE_FEATURES, Protein, read_list, read_protein
from .synthetic import write_archive

VALIDATION = 100
COUNT = {"train": 60, "val": 12, "test": 16}
# Trailing axes of each joined array.
WIDTH = {"x": (RESIDUE_FEATURES,), "maps": (3,), "y": ()}


def prepare(job: Preparation) -> Contents:
    """Return all proteins, joined, and the folds over them."""
    archive, validation, origin = job.raw / "protein.zip", VALIDATION, {}
    if job.tier == "rebuilt":
        archive = job.find("train-data.tar.gz", "data")
    if job.tier == "synthetic":
        counts = {name: job.samples.get(name, count) for name, count in COUNT.items()}
        archive, validation = job.scratch / "protein.zip", counts["val"]
        write_archive(archive, counts["train"] + counts["val"], counts["test"])
        origin = {"generator": "synthetic.py", "seed": 0}
    unpacked = archive.is_dir()
    root = _root(archive if unpacked else unpack(archive, job.scratch / "protein", wanted=_wanted))
    names = {part: read_list(root / f"{part}.lst") for part in ("deepcov", "psicov")}
    if both := set(names["deepcov"]) & set(names["psicov"]):
        raise DataError(f"{min(both)} is in both deepcov.lst and psicov.lst")
    if len(names["deepcov"]) <= validation:
        raise DataError(f"deepcov.lst: {len(names['deepcov'])} proteins leave none to train on")
    places = [(part, name) for part in names for name in names[part]]
    arrays, lengths = _joined(job, (read_protein(root / part, name) for part, name in places))
    squares = np.concatenate([[0], np.cumsum(lengths**2)])
    arrays |= {
        "x-offsets": np.concatenate([[0], np.cumsum(lengths)]),
        "maps-offsets": squares,
        "y-offsets": squares,
        "length": lengths,
        "unit_id": np.arange(len(places)),
    }
    known = len(names["deepcov"])
    folds = {
        "train": np.arange(validation, known),
        "val": np.arange(validation),
        "test": np.arange(known, len(places)),
    }
    job.progress(len(places), len(places))
    return Contents(arrays=arrays, folds=folds, origin=origin)


def _wanted(name: str) -> bool:
    """Tell whether a member is outside the archive's third set (CAMEO), which is not used."""
    return "cameo" not in name.split("/")


def _root(folder: Path) -> Path:
    """Return the folder with the lists, which may be at any depth."""
    lists = sorted(folder.rglob("deepcov.lst"))
    if not lists:
        raise DataError(f"{folder.name}: there is no list deepcov.lst")
    return lists[0].parent


def _joined(
    job: Preparation, proteins: Iterator[Protein]
) -> tuple[dict[str, npt.NDArray[np.generic]], npt.NDArray[np.int64]]:
    """Return the joined arrays, mapped from files, and the lengths of the proteins.

    Proteins are appended to the files one by one; in memory they would be needed twice.
    """
    lengths = []
    files: dict[str, IO[bytes]] = {
        name: (job.scratch / f"{name}.values").open("wb") for name in WIDTH
    }
    try:
        for done, protein in enumerate(proteins, start=1):
            parts = {"x": protein.residues, "maps": protein.maps, "y": protein.distances}
            for name, part in parts.items():
                part.tofile(files[name])
            lengths.append(len(protein.residues))
            job.progress(done, done + 1)
    finally:
        for file in files.values():
            file.close()
    arrays: dict[str, npt.NDArray[np.generic]] = {
        name: np.memmap(job.scratch / f"{name}.values", np.float32, "r").reshape(-1, *width)
        for name, width in WIDTH.items()
    }
    return arrays, np.array(lengths)
