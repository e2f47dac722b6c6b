"""Synthetic proteins in the published raw format: strands that form a sheet.

The order of the strands in the sheet is not that in the sequence, so residues that are far apart in
the sequence are in contact. The features are noisy functions of the distances.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.files import replacing
from kit.seeding import generator

LETTERS = "ACDEFGHIKLMNPQRSTVWY"
# Residues of a strand; distances of residues along a strand and of strands, angstrom.
STRAND, RISE, SPACING = 11, 3.3, 4.8


def write_archive(file: Path, training: int, test: int) -> None:
    """Write ``protein.zip``: ``deepcov.lst`` has ``training`` proteins, ``psicov.lst`` ``test``."""
    with replacing(file) as stream, zipfile.ZipFile(stream, "w") as archive:
        for part, count in (("deepcov", training), ("psicov", test)):
            names = [f"{part}{number:04d}" for number in range(count)]
            _write(archive, f"protein/{part}.lst", "".join(f"{name}\n" for name in names).encode())
            for number, name in enumerate(names):
                features, distances = protein(part, number)
                length, sequence = len(features["seq"]), features["seq"]
                content = np.empty(3, object)
                content[:] = [length, sequence, distances]
                packed = io.BytesIO()
                np.save(packed, content, allow_pickle=True)
                _write(archive, f"protein/{part}/features/{name}.pkl", pickle.dumps(features))
                _write(archive, f"protein/{part}/distance/{name}-cb.npy", packed.getvalue())


def protein(part: str, number: int) -> tuple[dict[str, Any], npt.NDArray[np.float64]]:
    """Return the features of a protein and its distances (L, L), angstrom."""
    random = generator(0, "psicov", part, number)
    strands = int(random.integers(4, 7))
    order = random.permutation(strands)
    while abs(order[0] - order[3]) != 1:
        # The first and the fourth strand are neighbours; else MAE8 has no contacts to score.
        order = random.permutation(strands)
    index = np.arange(strands * STRAND)
    strand, along = index // STRAND, index % STRAND
    # Neighbouring strands run in opposite directions.
    along = np.where(strand % 2 == 0, along, STRAND - 1 - along)
    places = np.stack([RISE * along, SPACING * order[strand], np.cos(np.pi * index)], axis=1)
    places += 0.3 * random.standard_normal(places.shape)
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
    length = len(index)
    sequence = "".join(random.choice(list(LETTERS), length))
    profile = np.zeros((length, 22))
    profile[index, [LETTERS.index(letter) for letter in sequence]] = 1
    coupling = np.exp(-distances / 6)

    def noisy(values: npt.NDArray[np.float64], level: float) -> npt.NDArray[np.float32]:
        noise = random.standard_normal(values.shape)
        return (values + level * (noise + noise.T) / 2).astype(np.float32)

    features = {
        "seq": sequence,
        "ss": random.dirichlet((1, 8, 2), length).T.astype(np.float32),
        "pssm": (profile + 0.1 * random.standard_normal(profile.shape)).astype(np.float32),
        "sa": random.random(length).astype(np.float32),
        "entropy": random.random(length).astype(np.float32),
        "ccmpred": noisy(coupling, 0.05),
        "freecon": noisy(coupling, 0.15),
        "potential": noisy(-coupling, 0.3),
    }
    return features, distances


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # ZipInfo has a fixed date, so the same content gives the same bytes.
    archive.writestr(zipfile.ZipInfo(name), content)
