"""A summary of the user's own data on one screen, with notes and warnings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from kit.columns import plural
from kit.data.own.missing import absent, statistics
from kit.data.own.reading import Array, Found
from kit.data.own.splits import FOLDS, Split, lacking, still
from kit.data.own.targets import LOST, Answers

# Most classes or channels that are listed.
SHOWN = 10
# Up to this, float32 represents every whole number exactly.
EXACT = 1 << 24
# Share of samples below which a class is reported as rare.
RARE = 0.02
# A position that varies by less than this share of all positions together is reported.
FAINT = 1e-3


def card(
    found: Found, x: Array, answers: Answers, split: Split, how: str, given: Array
) -> list[str]:
    """Return the lines of the summary: shapes, answers, folds, notes and warnings.

    Args:
        found: what was read.
        x: inputs (samples, channels, *spatial).
        answers: the targets.
        split: the fold of each sample.
        how: how the folds were chosen, in words.
        given: inputs as they were read, missing values as NaN, without channels that tell where.
    """
    sizes = np.bincount(split, minlength=3)
    folds = ", ".join(f"{size:,} {name}" for name, size in zip(FOLDS, sizes, strict=True))
    shape = " x ".join(map(str, x.shape[2:]))
    layout = f" ({found.reading.layout})" if found.reading.layout else ""
    lines = [
        f"inputs   {plural(len(x), 'sample')} of {plural(x.shape[1], 'channel')}, {shape}"
        f"{layout}, {x.dtype}",
        f"answers  {_answers(answers)}",
        *(f"         {each}" for each in _ranges(answers)),
        f"folds    {folds}: {how}",
        *(f"note     {note}" for note in (*found.notes, *answers.notes)),
    ]
    smells = [*found.smells, *answers.smells, *_faint(found, x[split == 0])]
    kept = np.arange(len(x)) if found.kept is None else found.kept
    smells += _channels(x, split, given) + _smells(x, answers, split, kept)
    return lines + [f"warning  {smell}" for smell in smells]


def _answers(answers: Answers) -> str:
    """Return the kind of the answers with shares of classes, or the range of numbers, in words."""
    match answers.kind:
        case "point":
            counts = np.bincount(answers.y, minlength=answers.outputs)
            return f"{answers.outputs} classes: {_shares(answers.names, counts)}"
        case "segmentation":
            counts = np.bincount(answers.y.reshape(-1), minlength=answers.outputs)
            return f"{answers.outputs} classes per position: {_shares(answers.names, counts)}"
        case "multi-label":
            counts = answers.y.sum(0, dtype=np.int64)
            shares = _shares(answers.names, counts, len(answers.y))
            return f"{plural(answers.outputs, 'label')}: {shares}"
    what = "channel" if answers.kind == "dense" else "number"
    where = " per position" if answers.kind == "dense" else ""
    y = answers.y.astype(np.float64)
    between = f"{y.min():.4g} to {y.max():.4g}, mean {y.mean():.4g}"
    return f"{plural(answers.outputs, what)}{where}: {between}"


def _ranges(answers: Answers) -> list[str]:
    """Return the range of each of a few numbers, or of each channel of fields, in words."""
    if answers.kind not in ("regression", "dense") or not 1 < answers.outputs <= SHOWN:
        return []
    names = answers.names or tuple(f"channel {at}" for at in range(answers.outputs))
    columns = [answers.y[:, at].astype(np.float64) for at in range(answers.outputs)]
    return [
        f"{name}: {y.min():.4g} to {y.max():.4g}, mean {y.mean():.4g}"
        for name, y in zip(names, columns, strict=True)
    ]


def _shares(names: Sequence[str], counts: Array, whole: int = 0) -> str:
    """Return the most frequent names with their shares of ``whole``, or of all counts if 0."""
    total = whole or max(1, int(counts.sum()))
    order = np.argsort(-counts, kind="stable")[:SHOWN]
    shown = [f"{names[each]} {100 * counts[each] / total:.1f} %" for each in order]
    rest = [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return ", ".join([*shown, *rest])


def _channels(x: Array, split: Split, given: Array) -> list[str]:
    """Return warnings of channels that are constant, or that float32 loses.

    Args:
        x: inputs (samples, channels, *spatial); those beyond the channels of ``given`` tell where
            values were missing.
        split: the fold of each sample.
        given: inputs as they were read, before they became float32.
    """
    smells = []
    means, stds, still = statistics(x[split == 0])
    count = given.shape[1]
    drowned = [at for at in still if at < count and _varies(given[split == 0, at])]
    # Where nothing is missing in any fold, no channel need tell where.
    whole = [at for at in still if at >= count and not x[:, at].any()]
    still = [at for at in still if at not in (*drowned, *whole)]
    if still:
        some = ", ".join(map(str, still[:SHOWN])) + (" ..." if len(still) > SHOWN else "")
        smells.append(f"constant in train: channel {some} of {len(means)}")
    lost = [at for at in range(len(means)) if abs(means[at]) > LOST * stds[at] and at not in still]
    if x.dtype.kind != "f":
        lost = [at for at in lost if abs(means[at]) > EXACT]
    small = [at for at in drowned if not _far(given[split == 0, at])]
    if lost := sorted({*lost, *drowned} - {*small}):
        smells.append(f"channel {lost[0]} is so far from 0 that float32 loses it; shift it first")
    if small:
        smells.append(f"channel {small[0]} is so small that float32 loses it; scale it first")
    return smells


def _far(values: Array) -> bool:
    """Tell whether values that are there are far from 0, compared with how they differ."""
    known = values[~absent(values)].astype(np.float64)
    return bool(np.abs(known).max() > LOST * np.ptp(known))


def _varies(values: Array) -> bool:
    """Tell whether values that are there, and not missing, differ by more than their rounding."""
    known = values[~absent(values)]
    if not len(known):
        return False
    rounding = 16 * np.finfo(known.dtype).eps if known.dtype.kind == "f" else 0
    return bool(np.ptp(known) > rounding * np.abs(known).max())


def _smells(x: Array, answers: Answers, split: Split, kept: Array) -> list[str]:
    """Return warnings: copies in other folds, rare classes, what is not scored in a fold.

    Samples are named by the numbers ``kept``, which they have in the file.
    """
    smells = []
    copies, examples = _copies(x, split)
    if copies:
        smells.append(
            f"{plural(copies, 'sample')} of val or test also in train or in the other: "
            f"{', '.join(str(kept[each]) for each in examples)}"
        )
    if answers.kind == "point":
        counts = np.bincount(answers.y, minlength=answers.outputs)
        if counts.min() < RARE * len(answers.y) or counts.min() < 10:
            rare = int(counts.argmin())
            smells.append(f"class {answers.names[rare]} has {plural(int(counts[rare]), 'sample')}")
    if answers.kind == "multi-label":
        smells += [f"{line}: it is not scored there" for line in lacking(answers, split)]
    smells += [told for _, told in still(answers, split)]
    return smells


def _faint(found: Found, x: Array) -> list[str]:
    """Return a warning if columns that are taken as positions are of different scales.

    Positions share the scale of their channel, on which those in small units are nearly constant.

    Args:
        found: what was read.
        x: inputs of the training fold (samples, channels, *spatial).
    """
    if not _positions(found):
        return []
    values = x[:, 0].astype(np.float64)
    each, together = values.std(axis=0), float(values.std())
    faint = np.flatnonzero((np.ptp(values, axis=0) > 0) & (each < FAINT * together))
    if not len(faint):
        return []
    first = int(faint[0])
    return [
        f"{_named(found, faint)}: varies by {each[first] / together:.1g} of what all vary by "
        f"together, and they share one scale; {_own(found)} gives each its own"
    ]


def gaps(found: Found, x: Array, train: Array) -> list[str]:
    """Return a warning if gaps are filled by a mean of all columns that is none of their own.

    Args:
        found: what was read, its reading with the numbers that fill gaps.
        x: inputs (samples, channels, *spatial), missing values as NaN.
        train: indices of the samples of the training fold.
    """
    if found.reading.missing not in ("mean", "mask") or not _positions(found):
        return []
    fill, values = found.reading.fill[0], x[train, 0]
    gap = absent(values)
    low = np.where(gap, np.inf, values).min(axis=0, initial=np.inf)
    high = np.where(gap, -np.inf, values).max(axis=0, initial=-np.inf)
    far = np.flatnonzero(gap.any(axis=0) & ~((low <= fill) & (fill <= high)))
    if not len(far):
        return []
    return [
        f"{_named(found, far)}: gaps are filled by {fill:.4g}, the mean of all, which is none of "
        f"its own values; {_own(found)} fills each by its own mean"
    ]


def _positions(found: Found) -> bool:
    """Tell whether positions are what may have units of their own, such as columns of a table."""
    return _of_table(found) or found.reading.layout in ("NL", "NT")


def _of_table(found: Found) -> bool:
    reading = found.reading
    return found.arranged and reading.rows == "sequence" and len(reading.columns) > 1


def _named(found: Found, positions: Array) -> str:
    """Return the name of the first of some positions, and how many more there are."""
    first = int(positions[0])
    table = _of_table(found)
    name = f"column {found.reading.columns[first]!r}" if table else f"position {first}"
    return f"{name} and {len(positions) - 1} more" if len(positions) > 1 else name


def _own(found: Found) -> str:
    """Return the option that makes positions channels, each with a mean and a scale of its own."""
    return "--as channels" if _of_table(found) else "--layout NC"


def _copies(x: Array, split: Split) -> tuple[int, list[int]]:
    """Return the number of samples that are also in an earlier fold, and indices of the first."""
    seen: set[bytes] = set()
    twice: list[int] = []
    for fold in range(3):
        rows = np.flatnonzero(split == fold)
        hashes = [hashlib.blake2b(x[row].tobytes(), digest_size=16) for row in rows]
        digests = [each.digest() for each in hashes]
        twice += [int(row) for row, each in zip(rows, digests, strict=True) if each in seen]
        seen |= set(digests)
    return len(twice), twice[:3]
