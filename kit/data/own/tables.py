"""Reading tables: rows are samples or steps of samples, columns are inputs and answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from kit.columns import plural
from kit.data.own import columns
from kit.data.own.missing import absent, whole
from kit.data.own.reading import Array, Ask, Found
from kit.data.own.sequences import Steps
from kit.data.own.targets import check_nested
from kit.errors import DataError, unknown

# Names of the column with the answers, if none is stated.
USUAL = ("target", "label", "class", "y")
# The column that states the folds, if no option says how to split.
SPLIT = "split"
# Prefix of the name that pandas gives to an index without a name in Parquet files.
INDEX = "__index_level_"


def read(files: Sequence[Path], ask: Ask) -> Found:
    """Read CSV or Parquet files.

    Each row is a sample, whose columns are positions of one channel, or channels at one position.
    With a column ``sequence``, rows with the same value in it are the steps of one sample, and
    columns are its channels.

    Raises:
        DataError: a column is missing or not numeric, or rows of a sample contradict each other.
    """
    place = " and ".join(map(str, files))
    if ask.answers and ask.reading.size and ask.reading.sequence is None:
        raise DataError(f"{place}: --size is for samples of many rows: say --sequence, too")
    amounts = ask.kind in ("regression", "dense")
    # Labels such as 1,3 are no number with a decimal comma.
    several = ask.targets if ask.kind == "multi-label" and len(ask.targets) == 1 else ()
    table, remarks, nested = columns.read(
        files,
        names={ask.reading.identity, ask.reading.sequence, *several}.__contains__,
        classes=lambda name: not amounts and (name in ask.targets or name.lower() in USUAL),
    )
    targets = _targets(place, table, ask) if ask.answers else ()
    check_nested(place, {each: nested[each] for each in targets if each in nested}, ask.kind)
    aside = ask.aside
    if ask.answers and ask.splitting is None and SPLIT in table:
        aside |= {SPLIT: SPLIT}
    if not ask.answers:
        kept = ("identity", "sequence", "order")
        aside = {what: name for what, name in aside.items() if what in kept}
        aside = {what: name for what, name in aside.items() if what != "identity" or name in table}
    for name in (*aside.values(), *ask.reading.columns):
        if name not in table:
            raise unknown(f"column of {place}", name, table)
    taken = {*targets, *aside.values()}
    if ask.answers and ask.splitting and SPLIT in {*table} - taken - {*ask.reading.columns}:
        remarks.append(f"left out: column {SPLIT!r}, since --{ask.splitting} says how to split")
        taken.add(SPLIT)
    table = {n: each if n in taken else columns.flags(each) for n, each in table.items()}
    inputs, notes = _inputs(place, table, ask, taken)
    notes, smells = remarks + notes, list[str]()
    if ask.answers:
        # Classes may be numbers as words, such as codes with leading zeros.
        words = {name for name in targets if _plain(table[name])}
        smells += _leaks(table, inputs, targets)
        smells += _dressed(table, {*inputs, *aside.values(), *words})
        smells += _mixed(table, {*inputs, *aside.values(), *targets})
    x = np.stack([table[name] for name in inputs], axis=1)
    y = _answers(table, targets)
    rest = {what: whole(place, f"column {name!r}", table[name]) for what, name in aside.items()}
    reading, counts = replace(ask.reading, columns=tuple(inputs)), None
    if reading.sequence is not None:
        reading = replace(reading, rows="steps")
        steps = Steps.of(place, rest["sequence"], rest.get("order"), reading.size, ask.answers)
        x, y, rest = steps.inputs(x), steps.answers(y, targets, ask.kind), steps.shared(rest)
        notes.append(f"{plural(len(steps.rows), 'step')} of {plural(len(x), 'sample')}")
        smells += steps.smells
        counts = np.diff(steps.bounds)
    else:
        x = x[:, None] if reading.rows == "sequence" else x[:, :, None]
    names = targets if len(targets) > 1 else ()
    return Found(
        place=place,
        x=x,
        y=y,
        names=names,
        aside=rest,
        reading=reading,
        steps=counts,
        notes=tuple(notes),
        smells=tuple(smells),
    )


def _targets(place: str, table: Mapping[str, Array], ask: Ask) -> tuple[str, ...]:
    """Return the names of the columns with the answers."""
    if ask.targets:
        _once(place, ask.targets)
        for name in ask.targets:
            if name not in table:
                raise unknown(f"column of {place}", name, table)
        return ask.targets
    usual = [name for name in table if name.lower() in USUAL]
    if len(usual) != 1:
        known = ", ".join(list(table)[:12])
        raise DataError(
            f"{place}: say which column has the answers, --target NAME; there is {known}"
        )
    return (usual[0],)


def _once(place: str, names: Sequence[str]) -> None:
    """Refuse names that are given twice."""
    if twice := [name for number, name in enumerate(names) if name in names[:number]]:
        raise DataError(f"{place}: column {twice[0]!r} is asked for twice")


def _inputs(
    place: str, table: Mapping[str, Array], ask: Ask, taken: set[str]
) -> tuple[list[str], list[str]]:
    """Return the names of the input columns, and notes; ``taken`` are the columns in other use."""
    if ask.reading.columns:
        _once(place, ask.reading.columns)
        for name in ask.reading.columns:
            if name in taken:
                raise DataError(f"{place}: column {name!r} cannot be an input and more besides")
            if not columns.numeric(table[name]):
                such = "".join(f", such as {word!r}" for word in columns.strays(table[name])[:1])
                raise DataError(f"{place}: column {name!r} holds words or dates, not numbers{such}")
        return list(ask.reading.columns), []
    free = [name for name in table if name not in taken]
    # The index of a data frame that was written without a name is not an input.
    unnamed = [name for name in free if not name or name.startswith(("Unnamed:", INDEX))]
    inputs = [name for name in free if columns.numeric(table[name]) and name not in unnamed]
    left = [name or "the one without a name" for name in free if name not in inputs]
    if not inputs:
        smells = _dressed(table, taken) + _mixed(table, taken)
        why = "".join(f"; {smell}" for smell in smells)
        raise DataError(f"{place}: no numeric column is left as input{why}")
    return inputs, [f"left out, as no numbers: {', '.join(left)}"] if left else []


def _dressed(table: Mapping[str, Array], but: Collection[str]) -> list[str]:
    """Return warnings about columns, except ``but``, that would be numbers without their signs."""
    words = {name: columns.dressed(table[name]) for name in table if name not in but}
    return [
        f"column {name!r} holds numbers as words, such as {word!r}"
        if word.isdecimal()
        else f"column {name!r} would be numbers without the signs in {word!r}"
        for name, word in words.items()
        if word is not None
    ]


def _mixed(table: Mapping[str, Array], but: Collection[str]) -> list[str]:
    """Return warnings about columns, except ``but``, that a few words keep from being numbers."""
    words = {name: columns.strays(each) for name, each in table.items() if name not in but}
    return [
        f"column {name!r} has words among its numbers, such as {those[0]!r}"
        for name, those in words.items()
        if 0 < 2 * len(those) < np.count_nonzero(~absent(table[name]))
    ]


def _plain(values: Array) -> bool:
    """Tell whether words are whole numbers without any sign."""
    return values.dtype.kind == "O" and all(str(each).isdecimal() for each in values if each)


def _leaks(table: Mapping[str, Array], inputs: Sequence[str], targets: Sequence[str]) -> list[str]:
    """Return warnings about inputs that tell a target, or that count the rows in any order."""
    copies = [
        f"column {name!r} {how}"
        for target in targets
        for name in inputs
        if (how := _copies(table[name], table[target], target))
    ]
    count = len(table[inputs[0]])
    return copies + [
        f"column {name!r} counts the rows"
        for name in inputs
        if count > 2 and (np.diff(np.sort(table[name].astype(float))) == 1).all()
    ]


def _copies(values: Array, answers: Array, target: str) -> str:
    """Tell in words how a column tells the target, where there is an answer; empty if it does not.

    Values of which most are different are one to one with any others, which tells nothing.
    """
    known = ~absent(answers)
    values, answers = values[known], answers[known]
    if columns.numeric(answers) and np.array_equal(values.astype(float), answers.astype(float)):
        return f"is a copy of {target!r}"
    _, ours = np.unique(values, return_inverse=True)
    _, theirs = np.unique(
        answers.astype(str) if answers.dtype.kind == "O" else answers, return_inverse=True
    )
    pairs = len(np.unique(np.stack([ours, theirs]), axis=1).T)
    alike = pairs == ours.max(initial=0) + 1 == theirs.max(initial=0) + 1
    return f"is one to one with {target!r}" if alike and 1 < pairs <= len(values) / 2 else ""


def _answers(table: Mapping[str, Array], targets: Sequence[str]) -> Array | None:
    """Return the answers (rows,) of one target, or (rows, targets) of several; None without any."""
    if not targets:
        return None
    if len(targets) == 1:
        return table[targets[0]]
    values = [columns.flags(table[name]) for name in targets]
    if not all(map(columns.numeric, values)):
        words = [n for n, v in zip(targets, values, strict=True) if not columns.numeric(v)]
        raise DataError(f"several targets must be numbers; {', '.join(words)} holds words or dates")
    return np.stack(values, axis=1)
