"""What is asked of one's own files, what was found in them, and how to read such files again."""

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
    """How inputs are read: as stated when a task was made, then the same way for predictions.

    Attributes:
        columns: those of a table that are inputs, or the array or dataset that is.
        layout: letters of the axes of arrays, such as ``NHWC``; empty for tables and folders.
        rows: what a row of a table is: a sample whose columns are a ``sequence`` or ``channels``,
            or a step of a sample that has many.
        sequence: the column by which rows are steps of one sample.
        order: the column that orders those steps.
        identity: the column that names samples.
        size: images are made this high and wide, sounds and sequences this long; else as they are.
        mode: of images, ``L`` for grey or ``RGB``.
        rate: of sounds, samples per second.
        missing: what becomes of missing values; None: they are refused.
        fill: the number that takes their place, by channel.
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
    """What a task is to be made of.

    Attributes:
        reading: how inputs are read, as far as it was stated.
        targets: the columns, or the array, with the answers; empty for the usual names.
        kind: of the answers; None to tell by their type.
        group: the column whose values no two folds share.
        time: the column by which later samples are held out.
        split: the column that says ``train``, ``val`` or ``test``.
        labelled_only: leave out samples whose answer is missing; else they are refused.
        answers: whether there must be any; not for predictions.
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
    def aside(self) -> dict[str, str]:
        """Columns that are neither input nor answer, by what they are for."""
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
    """What files hold, before it is made a task's.

    Attributes:
        place: the file or folder, for messages.
        x: inputs, samples first unless the layout says otherwise.
        y: answers (samples, ...); None where there are none.
        names: of the answers' columns.
        aside: ``group``, ``time``, ``split`` and ``identity`` (samples,), where there are such.
        reading: how the same can be read again.
        arranged: whether x is (samples, channels, *spatial) already.
        notes: on what was understood.
        smells: what is odd.
    """

    place: str
    x: Array
    y: Array | None
    names: tuple[str, ...] = ()
    aside: Mapping[str, Array] = field(default_factory=dict)
    reading: Reading
    arranged: bool = True
    notes: tuple[str, ...] = ()
    smells: tuple[str, ...] = ()

    @property
    def ids(self) -> list[str] | None:
        """The samples' names, where they have any."""
        found = self.aside.get("identity")
        return None if found is None else [legible(str(each)) for each in found.tolist()]


def stored(folder: Path) -> Reading | None:
    """Return how the files of a task were read; None for a task that was not made of any.

    Raises:
        DataError: the task's file does not say so.
    """
    try:
        return decode_json((folder / FILE).read_bytes(), Reading)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise DataError(f"{folder / FILE}: {error}") from None


def one_length(place: str, size: Sequence[int]) -> None:
    """Check that a size is a length, or not stated.

    Raises:
        DataError: it is that of images.
    """
    if len(size) > 1:
        raise DataError(f"{place}: --size {'x'.join(map(str, size))} is for images; say a length")


def plural(count: int, what: str) -> str:
    """Return ``1 sample`` or ``2 samples``."""
    return f"{count:,} {what}" + ("" if count == 1 else "s" if what[-1] != "s" else "es")


def text(values: Array) -> Array:
    """Return values as strings; whole numbers without a point."""
    if values.dtype.kind == "f" and np.isfinite(values).all() and (values % 1 == 0).all():
        values = values.astype(np.int64)
    if values.dtype.kind not in "OU":
        return values.astype(str)
    words = [legible(str(each)) for each in values.flat]
    return np.array(words, str).reshape(values.shape)


def legible(word: str) -> str:
    """Return a word that can be written: names of files may hold bytes that are no text."""
    return word.encode(errors="backslashreplace").decode()
