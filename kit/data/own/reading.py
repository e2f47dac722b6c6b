"""The user's options for their own files, their content, and how to read such files again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Struct

from kit.errors import DataError
from kit.files import decode_json

Array = npt.NDArray[Any]
Missing = Literal["mean", "zero", "mask"]
Stated = Literal["classification", "multi-label", "regression", "dense", "segmentation"]
FILE = "reading.json"


class Reading(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How inputs are read: when a task is created, and in the same way for predictions.

    Attributes:
        columns: the columns of a table that are inputs; or the one array or dataset.
        layout: letters of the axes of arrays, such as ``NHWC``; empty for tables and folders.
        rows: what a row of a table is: a sample whose columns are a ``sequence`` or ``channels``,
            or one of the ``steps`` of a sample.
        sequence: the column whose value is the same in all rows of a sample.
        order: the column that orders the steps of a sample.
        identity: the column with the samples' names.
        size: height and width of images, or length of sounds and sequences; empty to keep theirs.
        mode: Pillow's mode of images: ``L`` or ``F`` for grey ones, or ``RGB``.
        rate: sampling rate of sounds, Hz.
        missing: how missing values are filled; None if they are refused.
        fill: the number that replaces missing values, for each channel.
    """

    columns: tuple[str, ...] = ()
    layout: str = ""
    rows: Literal["sequence", "channels", "steps"] = "sequence"
    sequence: str | None = None
    order: str | None = None
    identity: str | None = None
    size: tuple[int, ...] = ()
    mode: str = ""
    rate: int = 0
    missing: Missing | None = None
    fill: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ask:
    """The user's options for a new task or for predictions.

    Attributes:
        reading: how inputs are read, as far as the user has stated it.
        targets: the columns, or the array, with the answers; empty for the usual names.
        kind: kind of the answers; None to guess it from their type.
        group: the column whose values must not be shared by two folds.
        time: the column of times; the latest samples are held out.
        split: the column with ``train``, ``val`` or ``test``.
        labelled_only: leave out samples whose answer is missing; else they are refused.
        answers: whether answers are read; not for predictions.
    """

    reading: Reading = field(default_factory=Reading)
    targets: tuple[str, ...] = ()
    kind: Stated | None = None
    group: str | None = None
    time: str | None = None
    split: str | None = None
    labelled_only: bool = False
    answers: bool = True

    @property
    def splitting(self) -> str | None:
        """The option that says how to split, without dashes; if None, a column ``split`` does."""
        return next((each for each in ("split", "group", "time") if each in self.aside), None)

    @property
    def aside(self) -> dict[str, str]:
        """Names of the columns that are neither input nor answer, by their purpose."""
        named = {
            "group": self.group,
            "time": self.time,
            "split": self.split,
            "identity": self.reading.identity,
            "sequence": self.reading.sequence,
            "order": self.reading.order,
        }
        return {what: name for what, name in named.items() if name is not None}


@dataclass(frozen=True, kw_only=True)
class Found:
    """The content of the user's files, as it was read.

    Attributes:
        place: the file or folder, for messages.
        x: inputs, samples first unless the layout states another order.
        y: answers (samples, ...); None if there are none.
        names: names of the answers' columns, if there are several.
        aside: arrays (samples,) ``group``, ``time``, ``split`` and ``identity``, if there are any.
        reading: how to read further files in the same way.
        steps: (samples,) the steps of each sample, where shorter ones end in zeros.
        arranged: whether x is (samples, channels, *spatial) already.
        kept: numbers of the samples among those that were read, if some were left out since.
        notes: notes for the user.
        smells: warnings for the user.
    """

    place: str
    x: Array
    y: Array | None
    names: tuple[str, ...] = ()
    aside: Mapping[str, Array] = field(default_factory=dict)
    reading: Reading
    steps: Array | None = None
    arranged: bool = True
    kept: Array | None = None
    notes: tuple[str, ...] = ()
    smells: tuple[str, ...] = ()

    @property
    def ids(self) -> list[str] | None:
        """The samples' names; None if they have none."""
        names = self.aside.get("identity")
        return None if names is None else [legible(str(each)) for each in names.tolist()]


def stored(folder: Path) -> Reading | None:
    """Return how the files of a task were read; None for a task not made by ``kit new task``.

    Raises:
        DataError: the file in the task's folder is damaged.
    """
    try:
        return decode_json((folder / FILE).read_bytes(), Reading)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise DataError(f"{folder / FILE}: {error}") from None


def one_length(place: str, size: Sequence[int]) -> None:
    """Check that a size is a single length, or not stated.

    Raises:
        DataError: it has two numbers, as for images.
    """
    if len(size) > 1:
        raise DataError(f"{place}: --size {'x'.join(map(str, size))} is for images; say a length")


def text(values: Array) -> Array:
    """Return values as strings; floats that are all whole have no decimal point."""
    whole = values.dtype.kind == "f" and np.isfinite(values).all() and (values % 1 == 0).all()
    # Beyond, floats are no int64; they would all be the same one.
    if whole and (np.abs(values) < 2.0**63).all():
        values = values.astype(np.int64)
    if values.dtype.kind not in "OU":
        return values.astype(str)
    words = [legible(str(each)) for each in values.flat]
    return np.array(words, str).reshape(values.shape)


def legible(word: str) -> str:
    """Return a word that can be encoded: bytes that are not text, as in file names, are escaped."""
    return word.encode(errors="backslashreplace").decode()
