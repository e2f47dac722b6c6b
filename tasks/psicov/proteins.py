"""Reading the features and the distances of a protein, with checks and corrections."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kit.data import checks, pickles
from kit.errors import DataError

# Features per residue, in the order of the channels: secondary structure, profile, solvent
# accessibility, entropy.
RESIDUE_FEATURES = 3 + 22 + 1 + 1
# Features per pair: couplings by two methods, and a contact potential.
MAPS = ("ccmpred", "freecon", "potential")
# Range of distances, angstrom.
SHORTEST, LONGEST = 1.0, 500.0
Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Protein:
    """One protein of L residues.

    Attributes:
        residues: (L, 27) features.
        maps: (L, L, 3) features.
        distances: (L, L) between C-beta atoms, angstrom.
    """

    residues: Array
    maps: Array
    distances: Array


def read_list(file: Path) -> list[str]:
    """Return the identifiers of a list, the first word of each line.

    Raises:
        DataError: the file does not exist, is empty, names a protein twice, or has an invalid name.
    """
    try:
        names = [line.split()[0] for line in file.read_text("utf-8").splitlines() if line.strip()]
    except (FileNotFoundError, UnicodeDecodeError):
        raise DataError(f"protein.zip: there is no list {file.name}") from None
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise DataError(f"{file.name}: {name!r} is no identifier of a protein")
    if len(set(names)) != len(names) or not names:
        raise DataError(f"{file.name}: it is empty or names a protein twice")
    return names


def read_protein(folder: Path, name: str) -> Protein:
    """Return a protein from a folder with folders ``features`` and ``distance``.

    Raises:
        DataError: a file is missing or damaged, or a field is missing or invalid.
    """
    file = folder / "features" / f"{name}.pkl"
    content = pickles.load(file)
    if not isinstance(content, Mapping) or not isinstance(content.get("seq"), str):
        raise DataError(f"{file.name}: not a dictionary with a sequence 'seq'")
    length = len(content["seq"])
    if length < 2:
        raise DataError(f"{file.name}: seq has {length} residues; a map needs at least 2")

    def field(key: str, *shape: int) -> Array:
        fields = checks.fields(file.name, content, (key,))
        return checks.numbers(f"{file.name}: {key}", fields[key], shape).astype(np.float32)

    single = [field("sa", length)[:, None], field("entropy", length)[:, None]]
    residues = np.concatenate(
        [field("ss", 3, length).T, field("pssm", length, 22), *single], axis=1
    )
    maps = np.stack([field(key, length, length) for key in MAPS], axis=-1)
    return Protein(residues, maps, _read_distances(folder / "distance" / f"{name}-cb.npy", length))


def _read_distances(file: Path, length: int) -> Array:
    """Return the cleaned distances (length, length) of a file."""
    content = pickles.load_npy(file)
    if content.shape != (3,):
        raise DataError(f"{file.name}: shape {content.shape}, not (length, sequence, distances)")
    stated, _, values = content.tolist()
    # A value that is not a small number is not printed, since it may be very long.
    if not isinstance(stated, int) or not 0 <= stated < 10**6:
        raise DataError(f"{file.name}: its first object is no length")
    if stated != length:
        raise DataError(f"{file.name}: length is {stated}, but the features have {length} residues")
    shape = (length, length)
    distances = clean(checks.numbers(f"{file.name}: distances", values, shape).astype(np.float32))
    if distances.max() > LONGEST:
        raise DataError(f"{file.name}: distances reach {distances.max():.0f}, beyond {LONGEST:.0f}")
    return distances


def clean(distances: Array) -> Array:
    """Return distances raised to at least 1; the diagonal has the mean of neighbouring entries."""
    cleaned = np.maximum(distances, np.float32(SHORTEST))
    off = np.arange(len(cleaned) - 1)
    # Entries right of the diagonal, and left of it. Each end has only one neighbour.
    right, left = cleaned[off, off + 1], cleaned[off + 1, off]
    diagonal = np.concatenate([right[:1], (left[:-1] + right[1:]) / 2, left[-1:]])
    np.fill_diagonal(cleaned, diagonal)
    return cleaned
