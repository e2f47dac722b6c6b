"""Reading proteins: the features and the distances of one, checked and cleaned up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kit.data import checks, pickles
from kit.errors import DataError

# Per residue, in the order of the channels: secondary structure, profile, solvent accessibility,
# entropy.
RESIDUE_FEATURES = 3 + 22 + 1 + 1
# Per pair: couplings by two methods, and a contact potential.
MAPS = ("ccmpred", "freecon", "potential")
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
        DataError: there is no such file, it is empty, or a word is no identifier.
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
    """Return a protein of a folder with ``features`` and ``distance``.

    Raises:
        DataError: a file is missing or damaged, or a field is not what it should be.
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
    content = pickles.load_npy(file)
    if content.shape != (3,):
        raise DataError(f"{file.name}: shape {content.shape}, not (length, sequence, distances)")
    stated, _, values = content.tolist()
    # What is no small number is not printed: it may have no end.
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
    """Raise distances below 1 to 1 and put the mean of its two neighbours on the diagonal."""
    cleaned = np.maximum(distances, np.float32(SHORTEST))
    off = np.arange(len(cleaned) - 1)
    # The neighbours to the right; those to the left. The two ends have one neighbour.
    right, left = cleaned[off, off + 1], cleaned[off + 1, off]
    diagonal = np.concatenate([right[:1], (left[:-1] + right[1:]) / 2, left[-1:]])
    np.fill_diagonal(cleaned, diagonal)
    return cleaned
