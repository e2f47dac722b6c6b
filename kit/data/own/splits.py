"""Which samples are trained on, validated on and tested on: 60, 20 and 20 of a hundred."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from kit.data.own.reading import Array, plural, text
from kit.data.own.targets import Answers
from kit.errors import DataError
from kit.seeding import generator

FOLDS = ("train", "val", "test")
TRAIN, VAL, TEST = range(3)
SHARES = (0.6, 0.2, 0.2)
TRIES = 200

Split = npt.NDArray[np.int8]


def divide(place: str, answers: Answers, aside: Mapping[str, Array]) -> tuple[Split, str]:
    """Return a fold for each sample, and how they were chosen, in words.

    A column ``split`` decides where there is one, else ``group``, else ``time``; without any,
    classes are in each fold as often as in all.

    Raises:
        DataError: there are too few samples, or a fold lacks a class.
    """
    count = len(answers.y)
    if len({"split", "group", "time"} & set(aside)) > 1:
        raise DataError(f"{place}: a split is given, by group, or by time: say one of them")
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
    """Deal out rows, one in ``shares`` to the test and to the validation."""
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
    """Give every fifth of rows, and at least one each, to the test and to the validation."""
    few = max(1, round(len(rows) / shares))
    # Taken evenly from an order that is random, or random within blocks of like values.
    places = np.arange(len(rows))
    tests = places[(shares - 1) :: shares][:few] if len(rows) >= shares else places[-1:]
    split[rows[tests]] = TEST
    rest = np.setdiff1d(places, tests)
    vals = rest[(shares - 2) :: (shares - 1)][:few] if len(rows) >= shares else rest[-1:]
    split[rows[vals]] = VAL


def _first_whole(answers: Answers, draw: Callable[[int], Split]) -> Split:
    """Return the first draw in which no fold lacks a class, else the first of all."""
    first = draw(0)
    if not lacking(answers, first):
        return first
    drawn = (draw(number) for number in range(1, TRIES))
    return next((split for split in drawn if not lacking(answers, split)), first)


def _by_group(place: str, answers: Answers, group: Array) -> Split:
    names, member = np.unique(group, return_inverse=True)
    if len(names) < 3:
        raise DataError(f"{place}: {plural(len(names), 'group')} cannot make three folds")
    sizes = np.bincount(member)

    def draw(number: int) -> Split:
        split, filled = np.zeros(len(names), np.int8), np.zeros(3)
        order = generator(0, "own groups", number).permutation(len(names))
        # Large groups first, each to the fold that lacks most; every fold gets one.
        for at, each in enumerate(order[np.argsort(-sizes[order], kind="stable")]):
            lacks = np.array(SHARES) * len(group) - filled
            empty = np.flatnonzero(filled == 0)
            fold = int(empty[0]) if len(names) - at <= len(empty) else int(lacks.argmax())
            split[each], filled[fold] = fold, filled[fold] + sizes[each]
        return split[member]

    return _first_whole(answers, draw)


def _by_time(place: str, time: Array) -> Split:
    if time.dtype.kind in "US":
        time = _times(place, time.tolist())
    ordered = np.sort(time)
    ends = [ordered[int(len(time) * share)] for share in (SHARES[0], SHARES[0] + SHARES[1])]
    split = (time >= ends[0]).astype(np.int8) + (time >= ends[1]).astype(np.int8)
    if set(np.unique(split).tolist()) != {TRAIN, VAL, TEST}:
        raise DataError(f"{place}: too few different times to make three folds")
    return split


def _times(place: str, words: Sequence[str]) -> Array:
    """Return what words mean: numbers where all of them are, else dates."""
    with suppress(ValueError):
        numbers = np.array(words, np.float64)
        if np.isfinite(numbers).all():
            return numbers
    return np.array([_date(place, word) for word in words])


def _date(place: str, word: str) -> np.datetime64:
    with suppress(ValueError):
        # In nanoseconds, years before 1678 and after 2262 would silently become others.
        date = np.datetime64(word, "us")
        if not np.isnat(date):
            return date
    raise DataError(f"{place}: the time {word!r} is neither a number nor a date such as 2020-01-31")


def _given(place: str, answers: Answers, given: Array) -> tuple[Split, str]:
    words = text(given)
    known = {**{word: at for at, word in enumerate(FOLDS)}, "0": TRAIN, "1": VAL, "2": TEST}
    known["valid"] = known["validation"] = VAL
    if words.shape != (len(answers.y),) or not set(words.tolist()) <= set(known):
        raise DataError(f"{place}: split is not train, val or test (0, 1, 2) for each sample")
    split = np.array([known[word] for word in words.tolist()], np.int8)
    there = set(np.unique(split).tolist())
    if there == {TRAIN, TEST} and not set(words.tolist()) <= {"0", "1", "2"}:
        cut = _stratified(place, answers, np.flatnonzero(split == TRAIN), 4)
        validation = (split == TRAIN) & (cut == TEST)
        return np.where(validation, VAL, split).astype(np.int8), "given; a quarter of train is val"
    if there != {TRAIN, VAL, TEST}:
        raise DataError(f"{place}: split is not train, val or test (0, 1, 2) for each sample")
    return split, "given"


def lacking(answers: Answers, split: Split) -> list[str]:
    """Return what folds lack, in words: classes, or labels that change."""
    if answers.kind not in ("point", "multi-label", "segmentation"):
        return []
    found = []
    for at, fold in enumerate(FOLDS):
        y = answers.y[split == at]
        if answers.kind == "multi-label":
            there = y.any(0) & ~y.all(0)
        else:
            there = np.bincount(y.reshape(-1), minlength=answers.outputs) > 0
        without = [answers.names[each] for each in np.flatnonzero(~there)]
        if without:
            what = "label" if answers.kind == "multi-label" else "class"
            found.append(f"{fold} lacks {what} {', '.join(without[:5])}")
    return found


def _check(place: str, answers: Answers, split: Split, how: str) -> None:
    lacks = lacking(answers, split)
    if lacks and answers.kind == "multi-label":
        return  # scores leave such labels out, and the card says so
    if lacks:
        way = {
            "given": "move samples between its folds",
            "by group": "merge groups, or leave the class out",
            "drawn at random": "leave the class out, or bring a split",
        }.get(how, "bring a split, or leave the class out")
        raise DataError(f"{place}: split {how}: {'; '.join(lacks)}; {way}")
