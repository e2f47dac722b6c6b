"""Reading DeepSEA's original bundle, with a list of labels that the user provides.

It is not public which 36 of the 919 labels, and which twentieth of the training sequences,
NAS-Bench-360 uses. Here every twentieth training sequence is used. Sequences with none of the
labels are left out; the published counts imply that the authors did the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.io import loadmat

from kit import extras
from kit.data import matlab
from kit.data.archives import unpack
from kit.errors import DataError, KitError
from kit.task import Preparation

from .raw import BASES, LABELS, LENGTH, UNKNOWN, Bytes

ALL_LABELS, EVERY = 919, 20
ARCHIVE, FOLDER, LIST = "deepsea_train_bundle.v0.9.tar.gz", "deepsea_train", "labels.txt"
FILES = {"train": "train.mat", "val": "valid.mat", "test": "test.mat"}
# Prefix of the names of the arrays in each file.
FIELDS = {"train": "train", "val": "valid", "test": "test"}
# Sequences that are read at once; a multiple of EVERY.
BLOCK = 1000 * EVERY


def read_labels(file: Path) -> list[int]:
    """Return the numbers of 36 labels, 0..918 in the bundle's order, from a file with one a line.

    Raises:
        DataError: the file does not exist, or is not a list of 36 different labels.
    """
    try:
        words = file.read_text("utf-8").split()
        numbers = [int(word) for word in words]
    except FileNotFoundError:
        raise DataError(f"{file.name} is missing: {LABELS} numbers of labels, 0..918") from None
    except (UnicodeDecodeError, ValueError):
        raise DataError(f"{file.name}: not a list of numbers, one on each line") from None
    if len(set(numbers)) != LABELS or len(numbers) != LABELS:
        raise DataError(f"{file.name}: {len(set(numbers))} labels, not {LABELS}")
    if not set(numbers) <= set(range(ALL_LABELS)):
        raise DataError(f"{file.name}: labels outside 0..{ALL_LABELS - 1}")
    return numbers


def read(job: Preparation) -> dict[str, tuple[Bytes, Bytes]]:
    """Return, for each fold, x (n, 1, 1000), indices of bases or 4, and y (n, 36) of 0 and 1.

    Raises:
        DataError: a file is missing, or an array is missing or invalid.
        KitError: h5py is not installed.
    """
    chosen = read_labels(job.raw / LIST)
    place = job.find(ARCHIVE, FOLDER)
    if not place.is_dir():
        place = unpack(place, job.scratch / FOLDER, wanted=lambda name: name.endswith(".mat"))
    folds = {}
    for done, (fold, name) in enumerate(FILES.items(), start=1):
        file = next(iter(sorted(place.rglob(name))), None)
        if file is None:
            raise DataError(f"{place.name}: there is no {name}")
        reader = _train if fold == "train" else _evaluation
        folds[fold] = reader(file, FIELDS[fold], chosen)
        job.progress(done, len(FILES))
    return folds


def _evaluation(file: Path, field: str, chosen: list[int]) -> tuple[Bytes, Bytes]:
    """Return x and y of a MATLAB 5 file with sequences (n, 4, 1000) and labels (n, 919)."""
    try:
        content = loadmat(file, variable_names=[f"{field}xdata", f"{field}data"])
    except (ValueError, OSError, TypeError, RuntimeError) as error:
        raise DataError(f"{file.name}: not a readable MATLAB file ({error})") from None
    x = _checked(file, content.get(f"{field}xdata"), (None, BASES, LENGTH), f"{field}xdata")
    y = _checked(file, content.get(f"{field}data"), (len(x), ALL_LABELS), f"{field}data")
    labels = np.asarray(y)[:, chosen] != 0
    kept = labels.any(axis=1)
    return _indices(file, np.asarray(x)[kept]), labels[kept].astype(np.uint8)


def _train(file: Path, field: str, chosen: list[int]) -> tuple[Bytes, Bytes]:
    """Return x and y of a MATLAB 7.3 file, whose axes are reversed: (1000, 4, n) and (919, n)."""
    try:
        import h5py
    except ModuleNotFoundError:
        raise KitError(f"{file.name} needs h5py: {extras.install('hdf5')}") from None
    xs, ys = [], []
    try:
        with h5py.File(file) as content:
            shape = (LENGTH, BASES, None)
            x = _checked(file, matlab.dataset(content, f"{field}xdata"), shape, f"{field}xdata")
            wide = (ALL_LABELS, x.shape[2])
            y = _checked(file, matlab.dataset(content, f"{field}data"), wide, f"{field}data")
            for start in range(0, x.shape[2], BLOCK):
                labels = y[:, start : start + BLOCK][:, ::EVERY][chosen].T != 0
                kept = labels.any(axis=1)
                block = x[:, :, start : start + BLOCK][:, :, ::EVERY].transpose(2, 1, 0)
                xs.append(_indices(file, block[kept]))
                ys.append(labels[kept].astype(np.uint8))
    except OSError:
        raise DataError(f"{file.name}: not an HDF5 file, or cut short") from None
    return np.concatenate(xs), np.concatenate(ys)


def _checked(file: Path, array: Any, shape: tuple[int | None, ...], name: str) -> Any:
    """Check that an array exists and has a shape, None for any length but 0, and return it."""
    if array is None:
        raise DataError(f"{file.name}: there is no field {name!r}")
    actual = tuple(array.shape)
    if len(actual) != len(shape) or any(
        size == 0 or limit not in (None, size) for size, limit in zip(actual, shape, strict=True)
    ):
        sizes = str(shape).replace("None", "n")
        raise DataError(f"{file.name}: {name} is {actual}, not {sizes}")
    return array


def _indices(file: Path, block: npt.NDArray[Any]) -> Bytes:
    """Return the indices of bases (n, 1, 1000), 4 if unknown, of one-hot sequences (n, 4, 1000)."""
    ones = block != 0
    if (ones.sum(axis=1) > 1).any():
        raise DataError(f"{file.name}: it holds positions with more than one base")
    indices = np.where(ones.any(axis=1), ones.argmax(axis=1), UNKNOWN)
    return indices.astype(np.uint8)[:, None]
