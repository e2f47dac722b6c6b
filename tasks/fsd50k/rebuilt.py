"""FSD50K from its record on Zenodo: clips are resampled and cut as NAS-Bench-360 states.

Clips are resampled by scipy's polyphase filter. The authors used ffmpeg in a version that is not
recorded, so the samples differ slightly from theirs.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from kit.data import archives
from kit.errors import DataError
from kit.task import Preparation

from . import split_zip
from .audio import Array, chunks, opened_wav
from .clips import LABELS, Clip, Store
from .spectrum import RATE, log_mel

DEV, EVAL = "FSD50K.dev_audio", "FSD50K.eval_audio"
# Number of files into which each archive is split.
PARTS = {DEV: 6, EVAL: 2}
TRUTH, NOISE = "FSD50K.ground_truth", "musan"
# Tables of clips and labels, and how many columns are read of each.
TABLES = {"dev.csv": 4, "eval.csv": 2, "vocabulary.csv": 2}


def read(
    job: Preparation,
) -> tuple[dict[str, list[Clip]], Store, tuple[npt.NDArray[np.float16], npt.NDArray[np.int64]]]:
    """Return the clips of each fold, the spectrograms of their chunks, and the noise.

    Raises:
        DataError: a part of an archive, a table or a clip is missing or damaged.
    """
    truth = _tables(job)
    labels = {row[1]: int(row[0]) for row in truth["vocabulary.csv"] if row[0].isdecimal()}
    if sorted(labels.values()) != list(range(LABELS)):
        raise DataError(f"vocabulary.csv: not {LABELS} labels with the numbers 0..{LABELS - 1}")
    lengths = dict(_lengths(job))
    folds: dict[str, list[Clip]] = {"train": [], "val": [], "test": []}
    for table in ("dev.csv", "eval.csv"):
        for row in truth[table][1:]:
            fold = row[3] if table == "dev.csv" else "test"
            if fold not in folds or row[0] not in lengths:
                raise DataError(f"{table}: clip {row[0]} is of no fold, or has no sound")
            words = row[1].split(",")
            if unknown := [word for word in words if word not in labels]:
                raise DataError(f"{table}: {unknown[0]!r} is not in vocabulary.csv")
            count = len(chunks(np.zeros(lengths[row[0]], np.float32)))
            names = tuple(f"{row[0]}_{number:04d}" for number in range(count))
            marks = tuple(sorted({labels[word] for word in words}))
            folds[fold].append(Clip(row[0], names, marks))
    for clips in folds.values():
        clips.sort(key=lambda clip: clip.name)
    every = [chunk for clips in folds.values() for clip in clips for chunk in clip.chunks]
    numbers = {name: number for number, name in enumerate(every)}
    store = Store(job.scratch, len(every))
    _compute(job, store, numbers)
    return folds, store, _noise(job)


def resampled(place: str, content: bytes) -> Array:
    """Return a 16-bit WAV file averaged over channels, at 22,050 Hz, in -1..1 in steps of 16 bits.

    Raises:
        DataError: the file has another format, is truncated or is empty.
    """
    from scipy.signal import resample_poly

    rate, values = _wav(place, content)
    common = math.gcd(RATE, rate)
    if rate != RATE:
        values = resample_poly(values, RATE // common, rate // common)
    return np.asarray(np.clip(np.round(values), -32768, 32767) / 32768, np.float32)


def _wav(place: str, content: bytes) -> tuple[int, npt.NDArray[np.float64]]:
    """Return the sampling rate and the samples of a WAV file, averaged over channels."""
    with opened_wav(place, content) as file:
        channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
        stated, frames = file.getnframes(), file.readframes(file.getnframes())
    if width != 2 or stated == 0 or len(frames) != 2 * channels * stated:
        raise DataError(f"{place}: not a whole WAV file of 16 bits")
    return rate, np.frombuffer(frames, "<i2").reshape(-1, channels).mean(axis=1)


def _clips(job: Preparation) -> Iterator[tuple[str, bytes]]:
    """Yield (clip's name, WAV file) from the split archives, or from folders unpacked from them."""
    for name, count in PARTS.items():
        folder = job.raw / name
        if folder.is_dir():
            entries: Iterable[tuple[str, bytes]] = (
                (file, stream.read() or b"") for file, stream in archives.members(folder)
            )
        else:
            parts = [job.raw / f"{name}.z{number:02d}" for number in range(1, count)]
            entries = split_zip.members([*parts, job.raw / f"{name}.zip"], _is_wav)
        for path, content in entries:
            if _is_wav(path):
                yield PurePosixPath(path).stem, content


def _is_wav(path: str) -> bool:
    name = PurePosixPath(path).name
    return name.endswith(".wav") and not name.startswith(".")


def _lengths(job: Preparation) -> Iterator[tuple[str, int]]:
    """Yield (name, length in samples at 22,050 Hz) of each clip."""
    for name, content in _clips(job):
        with opened_wav(f"{name}.wav", content) as file:
            frames, rate = file.getnframes(), file.getframerate()
        yield name, -(-frames * RATE // rate)


def _compute(job: Preparation, store: Store, numbers: dict[str, int]) -> None:
    """Store the spectrogram of each chunk that is not stored yet."""
    done = int(store.done.sum())
    for name, content in _clips(job):
        first = numbers.get(f"{name}_0000")
        if first is None:
            continue
        parts = chunks(resampled(f"{name}.wav", content))
        if all(store.done[first : first + len(parts)]):
            continue
        for number, part in enumerate(parts):
            store.put(numbers[f"{name}_{number:04d}"], log_mel(part))
        done += len(parts)
        job.progress(done, len(numbers))
    store.flush()


def _tables(job: Preparation) -> dict[str, list[list[str]]]:
    """Return the rows of the tables of clips and labels, by file name."""
    place = job.find(f"{TRUTH}.zip", TRUTH)
    tables = {
        PurePosixPath(path).name: _rows(f"{place.name}: {path}", stream.read() or b"")
        for path, stream in archives.members(
            place, wanted=lambda path: PurePosixPath(path).name in TABLES
        )
    }
    for name, columns in TABLES.items():
        if not tables.get(name):
            raise DataError(f"{place.name}: there is no {name}")
        if any(len(row) < columns for row in tables[name]):
            raise DataError(f"{place.name}: {name}: a line has fewer than {columns} columns")
    return tables


def _rows(place: str, content: bytes) -> list[list[str]]:
    """Return the rows of a CSV file, without empty lines."""
    try:
        return [row for row in csv.reader(content.decode().splitlines()) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{place}: not a CSV file in UTF-8 ({error})") from None


def _noise(job: Preparation) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.int64]]:
    """Return MUSAN's noise: joined spectrograms (frames, 96), and each file's first frame."""
    place = job.find("musan.tar.gz", NOISE)

    def is_wanted(path: str) -> bool:
        return "noise" in PurePosixPath(path).parts[:-1] and _is_wav(path)

    spectrograms = {
        path: log_mel(resampled(f"{place.name}: {path}", stream.read() or b"")).T
        for path, stream in archives.members(place, wanted=is_wanted)
    }
    parts = [spectrograms[path] for path in sorted(spectrograms)]
    # No chunk of a second can be cut from shorter files.
    parts = [part for part in parts if len(part) > RATE // 220]
    if not parts:
        raise DataError(f"{place.name}: there is no noise of a second or more in it")
    bounds = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    return np.concatenate(parts).astype(np.float16), bounds.astype(np.int64)
