"""The sample tier: FLAC files named ``<label>_<what>.flac``, cut as the published clips were."""

from __future__ import annotations

from pathlib import Path

from kit.errors import DataError
from kit.seeding import generator

from .audio import chunks, read_flac
from .clips import LABELS, Clip, Progress, Store
from .spectrum import log_mel

# Folds of each five clips of a label, in random order.
FIFTHS = ("test", "val", "train", "train", "train")


def read_folder(
    folder: Path, store_folder: Path, progress: Progress
) -> tuple[dict[str, list[Clip]], Store]:
    """Return the clips of each fold, and the spectrograms of all chunks in the same order.

    Args:
        folder: FLAC files at any depth.
        store_folder: folder for the spectrograms.
        progress: called with (done, total) clips.

    Raises:
        DataError: there are no files or too many labels, or a file is invalid.
    """
    files = sorted(folder.rglob("*.flac"), key=lambda file: file.name)
    names = sorted({_label(file) for file in files})
    if not files or len(names) > LABELS:
        raise DataError(f"{folder.name}: {len(names)} labels in {len(files)} FLAC files")
    folds: dict[str, list[Path]] = {"train": [], "val": [], "test": []}
    for name in names:
        labelled = [file for file in files if _label(file) == name]
        order = generator(0, "fsd50k", name).permutation(len(labelled))
        for place, number in enumerate(order):
            folds[FIFTHS[place % len(FIFTHS)]].append(labelled[number])
    clips: dict[str, list[Clip]] = {}
    spectrograms = []
    for fold, members in folds.items():
        clips[fold] = []
        for file in sorted(members, key=lambda file: file.name):
            parts = [log_mel(chunk) for chunk in chunks(read_flac(file))]
            chunk_names = tuple(f"{file.stem}_{number:04d}" for number in range(len(parts)))
            clips[fold].append(Clip(file.stem, chunk_names, (names.index(_label(file)),)))
            spectrograms += parts
            progress(sum(map(len, clips.values())), len(files))
    store = Store(store_folder, len(spectrograms))
    for number, spectrogram in enumerate(spectrograms):
        store.put(number, spectrogram)
    store.flush()
    return clips, store


def _label(file: Path) -> str:
    return file.stem.partition("_")[0]
