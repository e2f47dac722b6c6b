"""Splitting samples into folds: 60 % for training, 20 % for validation and 20 % for the test."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from kit.columns import plural
from kit.data.own.reading import Array, text
from kit.data.own.targets import Answers
from kit.errors import DataError
from kit.seeding import generator

FOLDS = ("train", "val", "test")
TRAIN, VAL, TEST = range(3)
# Words for folds, as columns and folders have them.
WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
SHARES = (0.6, 0.2, 0.2)
# Random splits that are tried to have all classes in each fold.
TRIES = 200

Split = npt.NDArray[np.int8]


def divide(place: str, answers: Answers, aside: Mapping[str, Array]) -> tuple[Split, str]:
    """Return the fold of each sample, and how the folds were chosen, in words.

    The split is that of ``split``, ``group`` or ``time``, if there is such a column; else it is
    random, stratified by class or by one number.

    Args:
        place: the file, for messages.
        answers: the targets.
        aside: further columns (samples,) by their purpose.

    Raises:
        DataError: several of these columns are given, there are too few samples, groups or times,
            or a fold lacks a class.
    """
    count = len(answers.y)
    several = [f"--{each}" for each in ("split", "group", "time") if each in aside]
    if len(several) > 1:
        raise DataError(f"{place}: {' and '.join(several)} each say how to split; say one of them")
    if "split" in aside:
        split, how = _given(place, answers, aside["split"])
    elif "group" in aside:
        split, how = _by_group(place, answers, text(aside["group"])), "by group"
    elif "time" in aside:
        split, how = _by_time(place, aside["time"]), "by time, the latest are the test"
    else:
        split, how = _stratified(place, answers, np.arange(count)), "drawn at random"
        if answers.kind == "point" or (answers.kind == "regression" and answers.outputs == 1):
            how = "drawn at random, stratified"
    _check(place, answers, split, how)
    return split, how


def _stratified(place: str, answers: Answers, rows: Array, shares: int = 5) -> Split:
    """Return a random split of some rows, one in ``shares`` for test and for validation each.

    All other samples are in the training fold.
    """
    random = generator(0, "own split")
    split = np.full(len(answers.y), TRAIN, np.int8)
    if answers.kind == "point":
        for label in range(answers.outputs):
            _deal(split, random.permutation(rows[answers.y[rows] == label]), shares)
        return split
    if answers.kind == "regression" and answers.outputs == 1:
        order = rows[np.argsort(answers.y[rows, 0], kind="stable")]
        parts = [random.permutation(order[at : at + shares]) for at in range(0, len(order), shares)]
        _deal(split, np.concatenate(parts), shares)
        return split

    def draw(number: int) -> Split:
        drawn = np.full(len(answers.y), TRAIN, np.int8)
        _deal(drawn, generator(0, "own split", number).permutation(rows), shares)
        return drawn

    return _first_whole(answers, draw)


def _deal(split: Split, rows: Array, shares: int) -> None:
    """Assign one in ``shares`` of the rows, and at least one, to test and to validation each.

    They are taken at even distances: rows are in random order, or so within blocks of similar
    values.
    """
    count = max(1, round(len(rows) / shares))
    places = np.arange(len(rows))
    tests = places[(shares - 1) :: shares][:count] if len(rows) >= shares else places[-1:]
    split[rows[tests]] = TEST
    rest = np.setdiff1d(places, tests)
    vals = rest[(shares - 2) :: (shares - 1)][:count] if len(rows) >= shares else rest[-1:]
    split[rows[vals]] = VAL


def _first_whole(answers: Answers, draw: Callable[[int], Split]) -> Split:
    """Return the first draw in which no fold lacks a class; if there is none, the first draw."""
    first = draw(0)
    if not lacking(answers, first):
        return first
    drawn = (draw(number) for number in range(1, TRIES))
    return next((split for split in drawn if not lacking(answers, split)), first)


def _by_group(place: str, answers: Answers, group: Array) -> Split:
    """Return a random split in which each group is in one fold."""
    names, member = np.unique(group, return_inverse=True)
    if len(names) < 3:
        raise DataError(f"{place}: {plural(len(names), 'group')} cannot make three folds")
    sizes = np.bincount(member)

    def draw(number: int) -> Split:
        split, filled = np.zeros(len(names), np.int8), np.zeros(3)
        order = generator(0, "own groups", number).permutation(len(names))
        # Large groups come first, each goes to the fold that lacks most; no fold remains empty.
        for at, each in enumerate(order[np.argsort(-sizes[order], kind="stable")]):
            lacks = np.array(SHARES) * len(group) - filled
            empty = np.flatnonzero(filled == 0)
            fold = int(empty[0]) if len(names) - at <= len(empty) else int(lacks.argmax())
            split[each], filled[fold] = fold, filled[fold] + sizes[each]
        return split[member]

    return _first_whole(answers, draw)


def _by_time(place: str, time: Array) -> Split:
    """Return a split by time: training, then validation, then test."""
    if time.dtype.kind in "US":
        time = _times(place, time.tolist())
    ordered = np.sort(time)
    ends = [ordered[int(len(time) * share)] for share in (SHARES[0], SHARES[0] + SHARES[1])]
    split = (time >= ends[0]).astype(np.int8) + (time >= ends[1]).astype(np.int8)
    if set(np.unique(split).tolist()) != {TRAIN, VAL, TEST}:
        raise DataError(f"{place}: too few different times to make three folds")
    return split


def _times(place: str, words: Sequence[str]) -> Array:
    """Return words as numbers if all are numbers, else as dates."""
    with suppress(ValueError):
        numbers = np.array(words, np.float64)
        if np.isfinite(numbers).all():
            return numbers
    return np.array([_date(place, word) for word in words])


def _date(place: str, word: str) -> np.datetime64:
    with suppress(ValueError), warnings.catch_warnings():
        # NumPy warns that it brings times with a zone to UTC, which is wanted here.
        warnings.simplefilter("ignore", UserWarning)
        # In nanoseconds, years before 1678 and after 2262 would overflow silently.
        date = np.datetime64(word, "us")
        if not np.isnat(date):
            return date
    raise DataError(f"{place}: the time {word!r} is neither a number nor a date such as 2020-01-31")


def _given(place: str, answers: Answers, given: Array) -> tuple[Split, str]:
    """Return the split that a column states; validation is drawn from train if it has none."""
    words = np.char.lower(text(given))
    known = {word: FOLDS.index(fold) for word, fold in WORDS.items()}
    known |= {"0": TRAIN, "1": VAL, "2": TEST}
    others = sorted(set(words.ravel().tolist()) - set(known))
    if words.shape != (len(answers.y),) or others:
        raise _no_split(place, others)
    split = np.array([known[word] for word in words.tolist()], np.int8)
    folds = set(np.unique(split).tolist())
    if folds == {TRAIN, TEST} and not set(words.tolist()) <= {"0", "1", "2"}:
        cut = _stratified(place, answers, np.flatnonzero(split == TRAIN), 4)
        validation = (split == TRAIN) & (cut == TEST)
        return np.where(validation, VAL, split).astype(np.int8), "given; a quarter of train is val"
    if folds != {TRAIN, VAL, TEST}:
        raise _no_split(place, sorted(set(words.tolist())))
    return split, "given"


def _no_split(place: str, words: Sequence[str]) -> DataError:
    """Return the error for a column whose ``words`` do not make three folds."""
    found = f"; there is {', '.join(map(repr, words[:4]))}" if words else ""
    return DataError(f"{place}: split is not train, val or test (0, 1, 2) for each sample{found}")


def lacking(answers: Answers, split: Split) -> list[str]:
    """Return what folds lack, in words: classes, or labels with both 0 and 1."""
    if answers.kind not in ("point", "multi-label", "segmentation"):
        return []
    lines = []

    def tell(what: str, which: Array) -> None:
        if which.any():
            names = [answers.names[each] for each in np.flatnonzero(which)]
            lines.append(f"{what} {', '.join(names[:5])}")

    for at, fold in enumerate(FOLDS):
        y = answers.y[split == at]
        if answers.kind == "multi-label":
            tell(f"{fold} lacks label", ~y.any(0))
            if len(y):
                tell(f"{fold} has no sample without label", y.all(0))
        else:
            counts = np.bincount(y.reshape(-1), minlength=answers.outputs)
            tell(f"{fold} lacks class", counts == 0)
    return lines


def still(answers: Answers, split: Split) -> list[tuple[str, str]]:
    """Return the folds in which a number never changes that does in others, and what of it to tell.

    A fold may be there several times. Numbers are those of a sample, or channels of fields.
    """
    if answers.kind not in ("regression", "dense"):
        return []
    names = tuple(map(repr, answers.names)) or tuple(f"channel {i}" for i in range(answers.outputs))
    found = []
    for name, values in zip(names, answers.y.swapaxes(0, 1), strict=True):
        which = "y" if answers.outputs == 1 else f"{name} of y"
        for at, fold in enumerate(FOLDS):
            y = values[split == at]
            if y.min() == y.max() and values.min() < values.max():
                end = (
                    "nothing to learn; bring another split"
                    if fold == "train"
                    else "1 - R² is not defined there; take RMSE or MAE, or bring another split"
                )
                found.append((fold, f"{which} is {y.flat[0]:g} in all of {fold}: {end}"))
    return found


def _check(place: str, answers: Answers, split: Split, how: str) -> None:
    """Refuse folds that lack a class, and numbers that never change in training.

    ``How`` the folds were chosen decides about the advice.
    """
    for fold, told in still(answers, split):
        if fold == "train" and answers.kind == "regression":
            raise DataError(f"{place}: split {how}: {told}")
    lacks = lacking(answers, split)
    if lacks and answers.kind == "multi-label":
        return  # such labels are not scored there; the summary warns of it
    if lacks:
        advice = {
            "given": "move samples between its folds",
            "by group": "merge groups, or leave the class out",
            "drawn at random": "leave the class out, or bring a split",
        }.get(how, "bring a split, or leave the class out")
        raise DataError(f"{place}: split {how}: {'; '.join(lacks)}; {advice}")
