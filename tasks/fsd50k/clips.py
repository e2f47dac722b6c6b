"""Clips with their chunks and labels, and a store of the chunks' spectrograms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .spectrum import BINS, FRAMES

LABELS = 200
# Number of chunks after which the results are written to the disk and marked as done.
BLOCK = 512
KINDS: dict[str, np.dtype[Any]] = {"values": np.dtype(np.float16), "done": np.dtype(np.uint8)}
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Clip:
    """One clip: its name, the names of its chunks in order, and the numbers of its labels."""

    name: str
    chunks: tuple[str, ...]
    labels: tuple[int, ...]


class Store:
    """Spectrograms of all chunks on the disk, (chunks, 1, 96, 101) float16, in decibels.

    For values between -100 and 100 dB, half precision has errors of at most 0.03 dB.

    Args:
        folder: folder of the store; the results of an interrupted process are kept.
        count: number of chunks.

    Attributes:
        values: the spectrograms.
        done: (chunks,) 1 for chunks that are stored, else 0.
        pending: numbers of the chunks that are not marked as done yet.
    """

    def __init__(self, folder: Path, count: int) -> None:
        shapes = {"values": (count, 1, BINS, FRAMES), "done": (count,)}
        files = {name: folder / f"log-mel.{name}" for name in shapes}
        sizes = {name: math.prod(shape) * KINDS[name].itemsize for name, shape in shapes.items()}
        exist = all(file.exists() and file.stat().st_size == sizes[n] for n, file in files.items())
        mode: Literal["r+", "w+"] = "r+" if exist else "w+"
        self.values, self.done = (
            np.memmap(files[name], KINDS[name], mode, shape=shape) for name, shape in shapes.items()
        )
        self.pending: list[int] = []

    def put(self, number: int, spectrogram: npt.NDArray[np.float32]) -> None:
        """Store a chunk's spectrogram (96, 101)."""
        self.values[number, 0] = spectrogram
        self.pending.append(number)
        if len(self.pending) >= BLOCK:
            self.flush()

    def flush(self) -> None:
        """Write pending spectrograms to the disk, then mark them as done."""
        self.values.flush()
        self.done[self.pending] = 1
        self.done.flush()
        self.pending.clear()


def label_matrix(clips: Sequence[Clip]) -> npt.NDArray[np.uint8]:
    """Return the labels of clips as a 0/1 matrix (clips, 200)."""
    matrix = np.zeros((len(clips), LABELS), np.uint8)
    for row, clip in enumerate(clips):
        matrix[row, list(clip.labels)] = 1
    return matrix


def offsets(clips: Sequence[Clip]) -> npt.NDArray[np.int64]:
    """Return the first chunk of each clip, and the number of all chunks: (clips + 1,)."""
    return np.concatenate([[0], np.cumsum([len(clip.chunks) for clip in clips])]).astype(np.int64)
