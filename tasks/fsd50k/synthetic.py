"""Synthetic clips in the format of the published archive; each label has its own sound."""

from __future__ import annotations

import io
import json
import wave
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kit.files import replacing
from kit.seeding import generator

from .clips import LABELS
from .published import LABEL_MAP, MANIFESTS, NOISE
from .spectrum import RATE

# Number of the 200 labels that occur.
HEARD = 8


def write_archive(file: Path, counts: Mapping[str, int]) -> Path:
    """Write an archive with ``counts`` clips of each fold, and return the file."""
    with replacing(file) as stream, zipfile.ZipFile(stream, "w") as archive:
        names = {f"label {number}": number for number in range(LABELS)}
        _write(archive, f"chunks/{LABEL_MAP}", json.dumps(names).encode())
        for fold, count in counts.items():
            rows = ["files,labels,ext"]
            for number in range(count):
                random = generator(0, "fsd50k", fold, number)
                labels = sorted({number % HEARD, int(random.integers(HEARD))})
                words = ",".join(f"label {label}" for label in labels)
                for part in range(int(random.integers(1, 4))):
                    name = f"chunks/{fold}/{fold}{number:05d}_{part:04d}.wav"
                    _write(archive, name, _wav(_sound(random, labels)))
                    rows.append(f'{name},"{words}",{fold}{number:05d}')
            _write(archive, f"chunks/{MANIFESTS[fold]}", "\n".join(rows).encode())
        for number in range(2):
            random = generator(0, "fsd50k", "noise", number)
            hum = 0.05 * random.standard_normal(int(1.5 * RATE))
            _write(archive, f"{NOISE}/noise{number}.wav", _wav(hum))
    return file


def _sound(random: np.random.Generator, labels: list[int]) -> npt.NDArray[np.float64]:
    """Return a second of sound: noise, and for each label a tone of its own pitch and rhythm."""
    time = np.arange(RATE) / RATE
    sound = 0.02 * random.standard_normal(RATE)
    for label in labels:
        pitch, rhythm = 200 * 1.6**label, 2 + label
        beat = 0.5 + 0.5 * np.sin(2 * np.pi * (rhythm * time + random.random()))
        sound += random.uniform(0.1, 0.3) * beat * np.sin(2 * np.pi * pitch * time)
    return sound


def _wav(sound: npt.NDArray[np.float64]) -> bytes:
    packed = io.BytesIO()
    with wave.open(packed, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.clip(32767 * sound, -32767, 32767).astype("<i2").tobytes())
    return packed.getvalue()


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # ZipInfo has a fixed date, so the same content gives the same bytes.
    archive.writestr(zipfile.ZipInfo(name), content)
