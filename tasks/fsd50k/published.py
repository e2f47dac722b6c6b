"""Reading the published archive: manifests, WAV files of chunks, and background noise.

The archive is not unpacked: each chunk is read, transformed and stored.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from kit.data.archives import members
from kit.errors import DataError
from kit.files import decode_json

from .audio import read_wav
from .clips import LABELS, Clip, Progress, Store
from .spectrum import RATE, log_mel

MANIFESTS = {"train": "tr.csv", "val": "val.csv", "test": "eval.csv"}
LABEL_MAP = "lbl_map.json"
NOISE = "noise_22050"


def read_manifests(archive: Path) -> dict[str, list[Clip]]:
    """Return the clips of each fold, sorted by name.

    Raises:
        DataError: a manifest is missing or damaged, or a clip or chunk is named twice.
    """
    wanted = {f"chunks/{name}" for name in (*MANIFESTS.values(), LABEL_MAP)}

    def is_wanted(name: str) -> bool:
        return "/".join(PurePosixPath(name).parts[-2:]) in wanted

    texts = {
        PurePosixPath(name).name: _text(name, stream.read())
        for name, stream in members(archive, wanted=is_wanted)
    }
    if lacking := sorted({name.removeprefix("chunks/") for name in wanted} - set(texts)):
        raise DataError(f"{archive.name}: there is no chunks/{lacking[0]}")
    labels = _label_map(texts[LABEL_MAP])
    folds = {fold: _clips(file, texts[file], labels) for fold, file in MANIFESTS.items()}
    names = Counter(clip.name for clips in folds.values() for clip in clips)
    chunks = Counter(chunk for clips in folds.values() for clip in clips for chunk in clip.chunks)
    for what, named in (("clip", names), ("chunk", chunks)):
        name, times = named.most_common(1)[0]
        if times > 1:
            raise DataError(f"{archive.name}: the manifests name {what} {name!r} twice")
    return folds


def read_chunks(archive: Path, store: Store, numbers: dict[str, int], progress: Progress) -> None:
    """Store the spectrogram of each chunk that is not stored yet.

    Args:
        archive: the published archive, read once in its order.
        store: the store of spectrograms.
        numbers: numbers of the chunks in the store, by file name.
        progress: called with (done, total) chunks.

    Raises:
        DataError: a chunk is missing, not a WAV file, or not one second long.
    """

    def is_wanted(name: str) -> bool:
        number = numbers.get(PurePosixPath(name).name)
        return number is not None and not store.done[number] and not _is_noise(name)

    done = int(store.done.sum())
    for name, stream in members(archive, wanted=is_wanted):
        audio = read_wav(f"{archive.name}: {name}", stream.read())
        if len(audio) != RATE:
            raise DataError(f"{archive.name}: {name} has {len(audio)} samples, not {RATE}")
        store.put(numbers[PurePosixPath(name).name], log_mel(audio))
        done += 1
        progress(done, len(numbers))
    store.flush()
    if not store.done.all():
        lacking = next(name for name, number in numbers.items() if not store.done[number])
        raise DataError(f"{archive.name}: there is no chunk {lacking}, which a manifest names")


def read_noise(archive: Path) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.int64]] | None:
    """Return the background noise: joined spectrograms (frames, 96), and each file's first frame.

    The result is None if the archive has no noise.
    """
    spectrograms = [
        (name, log_mel(read_wav(f"{archive.name}: {name}", stream.read())).T)
        for name, stream in members(archive, wanted=_is_noise)
    ]
    if not spectrograms:
        return None
    parts = [part for _, part in sorted(spectrograms, key=lambda each: each[0])]
    bounds = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    return np.concatenate(parts).astype(np.float16), bounds.astype(np.int64)


def _is_noise(name: str) -> bool:
    path = PurePosixPath(name)
    return path.parent.name == NOISE and path.suffix == ".wav" and not path.name.startswith(".")


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{name}: not a text file") from None


def _label_map(text: str) -> dict[str, int]:
    """Return the numbers of the labels by their names."""
    try:
        numbers = decode_json(text, object)
    except ValueError as error:
        raise DataError(f"{LABEL_MAP}: not JSON ({error})") from None
    if not isinstance(numbers, dict) or sorted(map(str, numbers.values())) != sorted(
        map(str, range(LABELS))
    ):
        raise DataError(f"{LABEL_MAP}: not a map of {LABELS} labels to 0..{LABELS - 1}")
    return numbers


def _clips(file: str, text: str, labels: dict[str, int]) -> list[Clip]:
    """Return the clips of a manifest, sorted by name."""
    chunks: dict[str, list[str]] = {}
    marks: dict[str, tuple[int, ...]] = {}
    rows = csv.DictReader(io.StringIO(text))
    for column in ("files", "labels", "ext"):
        if column not in (rows.fieldnames or ()):
            raise DataError(f"{file}: there is no column {column!r}")
    for number, row in enumerate(rows, start=2):
        if None in row.values():
            raise DataError(f"{file}: line {number} has too few columns")
        words = row["labels"].split(",")
        if unknown := [word for word in words if word not in labels]:
            raise DataError(f"{file}: line {number}: {unknown[0]!r} is not in {LABEL_MAP}")
        chunks.setdefault(row["ext"], []).append(PurePosixPath(row["files"]).name)
        marks.setdefault(row["ext"], tuple(sorted({labels[word] for word in words})))
    if not chunks:
        raise DataError(f"{file}: it names no clip")
    return [Clip(name, tuple(sorted(chunks[name])), marks[name]) for name in sorted(chunks)]
