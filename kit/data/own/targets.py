"""Answers of the user's own data: their kind, stated or guessed, and the targets made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kit.columns import plural
from kit.data.own.columns import numeric
from kit.data.own.missing import absent, numbers
from kit.data.own.reading import Array, Stated, legible, text
from kit.data.own.text import NULLS
from kit.errors import DataError
from kit.task import Kind

# More different whole numbers than MANY, with fewer than FEW_EACH samples each on average, may be
# amounts or classes.
MANY, FEW_EACH = 20, 10
# Separators of several labels in one cell.
SEVERAL = "|", ";", ","
# If values are more than this many standard deviations from 0, float32 may lose their differences.
LOST = 1e5
LEAVE_OUT = "--labelled-only leaves these samples out"
KINDS: dict[Stated, Kind] = {
    "classification": "point",
    "multi-label": "multi-label",
    "regression": "regression",
    "dense": "dense",
    "segmentation": "segmentation",
}


@dataclass(frozen=True)
class Answers:
    """Answers as the targets of a task.

    Attributes:
        kind: kind of the task.
        y: classes (samples,), 0/1 labels or numbers (samples, outputs), fields (samples, channels,
            *spatial), or masks (samples, *spatial).
        outputs: number of classes, labels, numbers or channels.
        names: names of the outputs; empty if they have none.
        notes: notes for the user.
        smells: warnings for the user.
    """

    kind: Kind
    y: Array
    outputs: int
    names: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())
    smells: tuple[str, ...] = field(default=())


def understand(
    place: str, y: Array, spatial: tuple[int, ...], stated: Stated | None, names: Sequence[str]
) -> Answers:
    """Return the targets made of answers.

    Args:
        place: the file, for messages.
        y: answers (samples, ...), channels before positions.
        spatial: sizes of the spatial axes of the inputs.
        stated: the stated kind; None to guess it from type and shape.
        names: names of the columns of y; empty if they have none.

    Raises:
        DataError: the kind is ambiguous, the answers contradict the stated kind, or there is
            nothing to learn from them.
    """
    if y.ndim > 1 and y.shape[1:] == (1,) and stated not in ("regression", "multi-label"):
        # (samples, 1) means (samples,), unless a kind is stated and inputs have one position.
        y = y[:, 0] if spatial != (1,) or stated is None else y
    kind = KINDS[stated] if stated else _kind(place, y, () if names else spatial)
    match kind:
        case "point":
            return _classes(place, y, names)
        case "multi-label":
            return _labels(place, y, names)
        case "regression":
            return _numbers(place, y, names)
        case "dense":
            return _fields(place, y, spatial)
        case "segmentation":
            return _masks(place, y, spatial)


def check_nested(place: str, nested: Mapping[str, str], stated: Stated | None) -> None:
    """Refuse lists and structures as answers, where they are not what the kind of answers takes.

    Args:
        place: the file, for messages.
        nested: what the columns of the answers hold, as ``columns.read`` tells it.
        stated: the stated kind; None if it is to be guessed.

    Raises:
        DataError: a column holds structures, or lists that are not stated to be labels.
    """
    for name, what in nested.items():
        if what == "structures":
            raise DataError(
                f"{place}: column {name!r} holds structures; write the answers as a column"
            )
        if stated not in ("multi-label", "classification"):
            raise DataError(
                f"{place}: column {name!r} holds lists; if of labels, say --kind multi-label; "
                "numbers need a column each: --target NAME, repeated"
            )


def _kind(place: str, y: Array, spatial: tuple[int, ...]) -> Kind:
    """Return the kind of answers, guessed from their type and shape."""
    per_position = y.shape[1:] == spatial or (y.ndim > 2 and y.shape[2:] == spatial)
    whole = _whole(y)
    if y.ndim == 1:
        if y.dtype.kind not in "fiu":
            return "point"
        values = len(np.unique(y[~absent(y)]))
        many = values > MANY and len(y) < FEW_EACH * values
        if y.dtype.kind in "iu" and (many or values == len(y) > 2):
            raise DataError(
                f"{place}: y has {values} different whole numbers in {len(y)} samples: say "
                "--kind classification or --kind regression"
            )
        few = whole and values <= MANY and len(y) >= 3 * values
        return "point" if y.dtype.kind in "iu" or few else "regression"
    binary = whole and set(np.unique(y).tolist()) <= {0, 1}
    if y.ndim == 2 and per_position and (binary or (whole and y.dtype.kind in "iub")):
        raise DataError(
            f"{place}: y is {y.dtype} {y.shape}, which may be a label per position or labels per "
            "sample: say --kind segmentation, multi-label or classification"
        )
    if y.ndim == 2 and not per_position:
        if not numeric(y):
            raise DataError(f"{place}: y is words {y.shape}; name one column, --target NAME")
        one_hot = binary and y.shape[1] > 1 and bool((y.sum(1) == 1).all())
        return "point" if one_hot else "multi-label" if binary else "regression"
    if per_position:
        return "dense" if y.dtype.kind == "f" else "segmentation"
    raise DataError(
        f"{place}: y is {y.dtype} {y.shape}: neither one answer (samples,), nor several (samples, "
        f"answers), nor masks or fields of the size of x, {spatial}"
    )


def _classes(place: str, y: Array, names: Sequence[str]) -> Answers:
    """Return the targets of classes, given as one value per sample or one-hot."""
    notes: list[str] = []
    smells: list[str] = []
    if y.ndim == 2 and _whole(y) and (y.sum(1) == 1).all() and set(np.unique(y).tolist()) <= {0, 1}:
        notes.append(f"y is one-hot: {y.shape[1]} classes, one per column")
        labels = y.argmax(1)
        known = tuple(names) or tuple(map(str, range(y.shape[1])))
        used = np.unique(labels)
        index = np.searchsorted(used, labels)
        return _enough(place, index, tuple(known[each] for each in used), notes, smells)
    if y.ndim != 1:
        raise DataError(f"{place}: y is {y.shape}, not one class per sample nor one-hot")
    count = int(absent(y).sum())
    if count:
        raise DataError(f"{place}: y lacks {plural(count, 'label')}; {LEAVE_OUT}")
    if y.dtype.kind not in "biufOSU":
        raise DataError(f"{place}: y is of type {y.dtype}, which no class is")
    if y.dtype.kind == "f":
        numbers(place, "y", y)
        of = "floats that are whole" if _whole(y) else "fractions"
        smells.append(f"y is of {of}: taken as classes (--kind regression: numbers)")
    values, index = np.unique(y.astype(str) if y.dtype.kind == "O" else y, return_inverse=True)
    classes = tuple(text(values).tolist())
    # In arrays of words, those of an answer that is missing are words as well.
    gaps = [name for name in classes if name.strip() in NULLS]
    if gaps and y.dtype.kind == "U":
        smells.append(f"class {gaps[0]!r} may be of samples without an answer; leave them out")
    return _enough(place, index.reshape(-1), classes, notes, smells, numbers=numeric(y))


def _enough(
    place: str,
    index: Array,
    names: tuple[str, ...],
    notes: Sequence[str],
    smells: Sequence[str],
    *,
    numbers: bool = False,
) -> Answers:
    """Return targets of classes, after a check that there are enough classes and samples of each.

    Args:
        place: the file, for messages.
        index: (samples,) the class of each sample.
        names: names of the classes.
        notes: notes for the user.
        smells: warnings for the user.
        numbers: whether the classes are numbers, which may be meant for regression.
    """
    counts = np.bincount(index, minlength=len(names))
    if len(names) < 2:
        raise DataError(f"{place}: all of y is {names[0]!r}: one class is nothing to learn")
    if len(names) == len(index):
        raise DataError(
            f"{place}: each of {len(index)} samples has a class of its own; numbers to be told are "
            "--kind regression, names are an --id"
        )
    small = [f"{names[each]!r} ({counts[each]})" for each in np.flatnonzero(counts < 3)]
    if small:
        more = "" if len(small) < 6 else f" and {len(small) - 5} more"
        raise DataError(
            f"{place}: too few samples to have one in each of train, val and test, class "
            f"{', '.join(small[:5])}{more}; leave out or join classes"
            f"{', or say --kind regression' if numbers else ''}"
        )
    y = index.astype(np.int64)
    return Answers("point", y, len(names), names, tuple(notes), tuple(smells))


def _labels(place: str, y: Array, names: Sequence[str]) -> Answers:
    """Return the targets of several labels, given as a 0/1 matrix or as words in one column."""
    if y.ndim == 1 and y.dtype.kind in "OUS":
        y, names = _split_words(y)
    if y.ndim != 2 or not numeric(y) or not set(np.unique(y).tolist()) <= {0, 1}:
        raise DataError(f"{place}: y is {y.dtype} {y.shape}, not a 0/1 matrix (samples, labels)")
    if names or y.shape[1] > 1:
        one_hot = y.shape[1] > 1 and (y.sum(1) == 1).all()
        known = tuple(names) or tuple(map(str, range(y.shape[1])))
    else:
        one_hot, known = False, ("0",)
    still = [known[each] for each in np.flatnonzero((y == y[:1]).all(0))]
    if still:
        raise DataError(f"{place}: label {', '.join(still[:5])} never changes; leave it out")
    smells = ["each sample has one label: --kind classification may be meant"] if one_hot else []
    return Answers("multi-label", y.astype(np.uint8), y.shape[1], known, (), tuple(smells))


def _split_words(y: Array) -> tuple[Array, tuple[str, ...]]:
    """Return the 0/1 matrix and the names of labels in cells such as ``a|b``."""
    separator = next((each for each in SEVERAL if any(each in str(word) for word in y)), SEVERAL[0])
    parts = [
        {legible(word.strip()) for word in str("" if each is None else each).split(separator)}
        - {""}
        for each in y.tolist()
    ]
    names = tuple(sorted(set().union(*parts)))
    return np.array([[name in each for name in names] for each in parts], np.uint8), names


def _numbers(place: str, y: Array, names: Sequence[str]) -> Answers:
    """Return the targets of regression, (samples, numbers) as float32."""
    if y.ndim > 2:
        raise DataError(f"{place}: y is {y.shape}, not numbers (samples,) or (samples, numbers)")
    y = (y[:, None] if y.ndim == 1 else y).astype(np.float64, copy=False) if numeric(y) else y
    y = _present(place, y)
    single = y.astype(np.float32)
    still = np.flatnonzero((single == single[:1]).all(0))
    known = tuple(names) or (() if y.shape[1] == 1 else tuple(map(str, range(y.shape[1]))))
    if len(still):
        first = y[:, still[0]]
        which = f"{known[still[0]]!r} of y" if known else "y"
        if (first != first[0]).any():
            raise DataError(
                f"{place}: {which} is {first[0]:g} for all samples once it is float32; shift or "
                "scale it first"
            )
        raise DataError(f"{place}: {which} is {first[0]:g} for all samples: nothing to learn")
    return Answers("regression", single, y.shape[1], known, (), tuple(_lost(y)))


def _lost(y: Array) -> list[str]:
    """Return warnings if answers are too far from 0 for the digits of float32, or too small."""
    spread, far = y.std(axis=0), np.abs(y).max(axis=0)
    lost = np.flatnonzero((far > LOST * spread) & (y != y.astype(np.float32)).any(axis=0))
    small = np.flatnonzero((far > 0) & (far < np.finfo(np.float32).tiny))
    told = [(lost, "far from 0", "shift"), (small, "small", "scale")]
    several = y.shape[1] > 1
    return [
        f"y{f' {at[0]}' if several else ''} is so {why} that float32 loses it; {mend} it first"
        for at, why, mend in told
        if len(at)
    ]


def _fields(place: str, y: Array, spatial: tuple[int, ...]) -> Answers:
    """Return the targets of a dense task, (samples, channels, *spatial) as float32."""
    fields = y[:, None] if y.shape[1:] == spatial else y
    if fields.shape[2:] != spatial or fields.ndim != len(spatial) + 2:
        raise DataError(f"{place}: y is {y.shape}, not fields of the size of x, {spatial}")
    smells = []
    if _whole(fields) and len(np.unique(fields)) <= MANY:
        smells.append("y holds few whole numbers: --kind segmentation may be meant")
    fields = _present(place, fields)
    smells += _lost(np.moveaxis(fields, 1, -1).reshape(-1, fields.shape[1]))
    for at, channel in enumerate(fields.swapaxes(0, 1)):
        if channel.min() == channel.max():
            which = f"channel {at} of y" if fields.shape[1] > 1 else "y"
            smells.append(f"{which} is {channel.flat[0]:g} everywhere: nothing to learn")
    return Answers("dense", fields.astype(np.float32), fields.shape[1], (), (), tuple(smells))


def _masks(place: str, y: Array, spatial: tuple[int, ...]) -> Answers:
    """Return the targets of segmentation: a class per position, given as numbers or one-hot."""
    notes: list[str] = []
    if y.shape[1:] == (1, *spatial):
        y = y[:, 0]
    elif y.ndim == len(spatial) + 2 and y.shape[2:] == spatial:
        if not _whole(y) or set(np.unique(y).tolist()) != {0, 1} or not (y.sum(1) == 1).all():
            raise DataError(f"{place}: y is {y.shape}, whose channels are not one-hot classes")
        notes.append(f"y is one-hot: {y.shape[1]} classes, one per channel")
        y = y.argmax(1)
    if y.shape[1:] != spatial:
        raise DataError(f"{place}: y is {y.shape}, not a class per position of x, {spatial}")
    count = int(absent(y).sum())
    if count:
        raise DataError(f"{place}: y lacks a class at {plural(count, 'position')}; {LEAVE_OUT}")
    if y.dtype.kind == "f" and not _whole(y):
        raise DataError(f"{place}: y holds fractions, which no class is; say --kind dense")
    values, index = np.unique(y.astype(str) if y.dtype.kind == "O" else y, return_inverse=True)
    if len(values) < 2:
        raise DataError(f"{place}: all of y is {values[0]}: one class is nothing to learn")
    if len(values) > 256:
        raise DataError(f"{place}: y has {len(values)} classes of positions; say --kind dense")
    masks = index.reshape(y.shape).astype(np.uint8)
    return Answers("segmentation", masks, len(values), tuple(text(values).tolist()), tuple(notes))


def _whole(y: Array) -> bool:
    """Tell whether all values are whole numbers."""
    if y.dtype.kind in "iub":
        return True
    return y.dtype.kind == "f" and bool(np.isfinite(y).all() and (y % 1 == 0).all())


def _present(place: str, y: Array) -> Array:
    """Return answers that are finite numbers with none missing."""
    y = numbers(place, "y", y)
    count = int(absent(y).sum())
    if count:
        raise DataError(f"{place}: y lacks {plural(count, 'value')}; {LEAVE_OUT}")
    return y
