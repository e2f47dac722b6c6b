"""Human sequences of 200 bases at peaks of two transcription factors, from the package janggu."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from kit.data import archives
from kit.errors import DataError

from .raw import LENGTH, UNKNOWN, Bytes

# The papers' order of the four bases.
ALPHABET = "ACTG"
CODES = np.full(256, 255, np.uint8)
for _index, _letter in enumerate(ALPHABET):
    CODES[[ord(_letter), ord(_letter.lower())]] = _index
CODES[[ord("N"), ord("n")]] = UNKNOWN
RESOURCES = "janggu/resources"


def read(wheel: Path, names: tuple[str, ...]) -> dict[str, tuple[Bytes, npt.NDArray[np.str_]]]:
    """Return, for each FASTA file, its sequences (n, 1, 1000) and their chromosomes (n,).

    A sequence is put in the middle, with unknown bases around it: the labels of DeepSEA's samples
    are also about the middle 200 bases.

    Args:
        wheel: the package's archive.
        names: names of the files, without ``.fa``.

    Raises:
        DataError: a file is missing or invalid.
    """
    wanted = {f"{RESOURCES}/{name}.fa": name for name in names}
    parsed = {
        wanted[path]: _parse(f"{wheel.name}: {Path(path).name}", stream.read())
        for path, stream in archives.members(wheel, wanted=wanted.__contains__)
    }
    for name in names:
        if name not in parsed:
            raise DataError(f"{wheel.name}: there is no {name}.fa")
    return parsed


def _parse(place: str, content: bytes) -> tuple[Bytes, npt.NDArray[np.str_]]:
    """Return sequences and chromosomes of a FASTA file; ``place`` names it in error messages."""
    head, *entries = content.split(b">")
    if head.strip() or not entries:
        raise DataError(f"{place}: not a FASTA file")
    x = np.full((len(entries), 1, LENGTH), UNKNOWN, np.uint8)
    chromosomes = []
    for row, entry in enumerate(entries):
        title, *lines = entry.split(b"\n")
        name = title.decode("latin1").strip()
        sequence = CODES[np.frombuffer(b"".join(line.strip() for line in lines), np.uint8)]
        if not 0 < len(sequence) <= LENGTH:
            raise DataError(f"{place}: {name!r} has {len(sequence)} bases, not 1 to {LENGTH}")
        if (sequence == 255).any():
            raise DataError(f"{place}: {name!r} has letters other than A, C, G, T and N")
        start = (LENGTH - len(sequence)) // 2
        x[row, 0, start : start + len(sequence)] = sequence
        chromosomes.append(name.partition(":")[0])
    return x, np.array(chromosomes)
