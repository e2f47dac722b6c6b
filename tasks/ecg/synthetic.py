"""Synthetic records in the published raw format, with features of the real classes.

Beats are at regular intervals with a P wave (N), at irregular intervals without a P wave (A),
regular with premature wide beats (O), or hidden under noise (~). This is no model of a heart.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kit.files import replacing
from kit.seeding import generator

from .labels import CLASSES

RATE = 300
# Steps of a record.
SHORTEST, LONGEST = 1300, 2600


def write_pickle(file: Path, count: int) -> Path:
    """Write ``count`` records, with the classes in turn, and return the file."""
    labels = [CLASSES[number % len(CLASSES)] for number in range(count)]
    content = {"data": [record(number) for number in range(count)], "label": np.array(labels)}
    with replacing(file) as stream:
        pickle.dump(content, stream)
    return file


def record(number: int) -> npt.NDArray[np.int16]:
    """Return record ``number`` (steps,) in microvolts; the number determines its class."""
    random = generator(0, "ecg", number)
    label = CLASSES[number % len(CLASSES)]
    length = int(random.integers(SHORTEST, LONGEST))
    time = np.arange(length) / RATE
    signal = 0.05 * np.sin(2 * np.pi * (0.3 * time + random.random()))
    irregular, beat = {"A": 0.25}.get(label, 0.03), random.uniform(0, 0.8)
    while beat < time[-1]:
        wide = label == "O" and random.random() < 0.3
        signal += _wave(time, beat, 0.012 if not wide else 0.05, 1.0 if not wide else -1.2)
        signal += _wave(time, beat + 0.28, 0.05, 0.25)
        if label != "A":
            signal += _wave(time, beat - 0.16, 0.025, 0.15)
        beat += 0.8 * (1 + irregular * random.uniform(-1, 1)) * (0.6 if wide else 1)
    signal += (1.5 if label == "~" else 0.03) * random.standard_normal(length)
    return np.clip(np.round(1000 * signal), -32768, 32767).astype(np.int16)


def _wave(
    time: npt.NDArray[np.float64], at: float, width: float, height: float
) -> npt.NDArray[np.float64]:
    """Return a Gaussian wave at a time; time and width in seconds."""
    wave: npt.NDArray[np.float64] = height * np.exp(-(((time - at) / width) ** 2) / 2)
    return wave
