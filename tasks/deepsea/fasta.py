"""Human sequences of 200 bases at peaks of two transcription factors, from the janggu package."""

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
    """Return for each FASTA file its sequences (n, 1, 1000) and their chromosomes (n,).

    A sequence stands in the middle, where the labels of DeepSEA's samples are about the middle
    200 bases too; what is around it is unknown.

    Args:
        wheel: the package's archive.
        names: of the files, without ``.fa``.

    Raises:
        DataError: a file is missing or is not what it should be.
    """
    wanted = {f"{RESOURCES}/{name}.fa": name for name in names}
    found = {
        wanted[path]: _parse(f"{wheel.name}: {Path(path).name}", stream.read())
        for path, stream in archives.members(wheel, wanted=wanted.__contains__)
    }
    for name in names:
        if name not in found:
            raise DataError(f"{wheel.name}: there is no {name}.fa")
    return found


def _parse(place: str, content: bytes) -> tuple[Bytes, npt.NDArray[np.str_]]:
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
