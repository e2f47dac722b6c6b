"""Named arrays from an ``.npz`` file or from several ``.npy`` files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from kit.data import archives, npy
from kit.data.own.missing import whole
from kit.data.own.reading import Array, Ask, Found
from kit.errors import DataError

Get = Callable[[str], Array]
INPUTS, ANSWERS = "x", "y"
# Arrays that are read without being asked for, if no option says how to split.
USUAL = ("split",)


def numpy(files: Sequence[Path], ask: Ask) -> Found:
    """Read an ``.npz`` file, or ``.npy`` files whose names are those of the arrays.

    See ``usual`` for at most two ``.npy`` files of other names.

    Raises:
        DataError: a file is damaged, or an array is missing.
    """
    if len(files) == 1 and (files[0].suffix == ".npz" or npy.is_npz(files[0])):
        file = files[0]
        if not npy.is_npz(file):
            raise DataError(f"{file}: not an .npz file, as numpy.savez writes them")
        names = [each.removesuffix(".npy") for each in _members(file)]
        return of_arrays(str(file), names, lambda name: npy.load_npz(file, (name,))[name], ask)
    by_name = {file.stem: file for file in files}
    if len(by_name) < len(files) or any(npy.is_npz(file) for file in files):
        raise DataError(f"{files[0]}: give one .npz file, or .npy files of different names")
    if not ask.reading.columns:
        by_name = dict(zip(usual(list(by_name), ask), files, strict=True))
    place = " and ".join(str(file) for file in files)
    return of_arrays(place, list(by_name), lambda name: npy.load(by_name[name]), ask)


def of_arrays(place: str, names: Iterable[str], get: Get, ask: Ask) -> Found:
    """Return the inputs, answers and further columns from named arrays.

    Args:
        place: the file, for messages.
        names: names of the arrays in the file.
        get: reads an array by its name.
        ask: the user's options.

    Raises:
        DataError: an array is missing, or the arrays differ in length.
    """
    names = list(names)
    take = partial(_take, place, names, get, ask)
    inputs = (ask.reading.columns or (_cased(INPUTS, names),))[0]
    if len(names) == 1 and not ask.answers:
        inputs = names[0]
    x = take(inputs)
    answers: tuple[str, ...] = ask.targets or (_cased(ANSWERS, names),)
    y = None
    if ask.answers:
        _check(place, inputs, answers, ask)
        columns = [take(name) for name in answers]
        y = columns[0] if len(columns) == 1 else _joined(place, answers, columns)
    unasked = {each: each for each in USUAL if each in names and not ask.splitting}
    wanted = {**unasked, **ask.aside}
    if not ask.answers:
        wanted = {what: name for what, name in wanted.items() if what == "identity"}
    aside = {what: take(name) for what, name in wanted.items()}
    _check_lengths(place, x, {ANSWERS: y, **aside} if y is not None else aside, ask.reading.layout)
    aside = {what: whole(place, wanted[what], values) for what, values in aside.items()}
    unused = sorted(set(names) - {inputs, *answers, *wanted.values()})
    notes = [f"left out: {', '.join(unused)}"] if unused and ask.answers else []
    reading = replace(ask.reading, columns=(inputs,))
    several = len(answers) > 1
    return Found(
        place=place,
        x=x,
        y=y,
        names=answers if several else (),
        aside=aside,
        reading=reading,
        arranged=False,
        notes=tuple(notes),
    )


def _take(place: str, names: Sequence[str], get: Get, ask: Ask, name: str) -> Array:
    """Return an array by its name.

    Raises:
        DataError: there is none, or its bytes are no text.
    """
    if name not in names:
        advice = "--column NAME and --target NAME say which to take"
        if not ask.answers:
            advice = "the task was made of arrays of that name"
        raise DataError(
            f"{place} has no array {name!r}, but {', '.join(names) or 'nothing'}; {advice}"
        )
    return _plain(f"{place}: {name}", get(name))


def _plain(place: str, values: Array) -> Array:
    """Return bytes decoded as text, and numbers in the machine's byte order."""
    if values.dtype.kind != "S":
        return values.astype(values.dtype.newbyteorder("="), copy=False)
    try:
        return np.asarray(np.char.decode(values, "utf-8"))
    except UnicodeDecodeError:
        raise DataError(f"{place} holds bytes that are no text in UTF-8") from None


def _check(place: str, inputs: str, answers: Sequence[str], ask: Ask) -> None:
    """Refuse options that do not apply to arrays, and an array that is both input and answer."""
    for what in ("sequence", "order"):
        if what in ask.aside:
            raise DataError(f"{place}: --{what} is for tables, whose rows are steps")
    if ask.reading.size or ask.reading.rows != "sequence":
        option = "size" if ask.reading.size else "as"
        raise DataError(f"{place}: --{option} is not for arrays, which are taken as they are")
    if len(ask.reading.columns) > 1:
        raise DataError(f"{place}: one array is the input; join them first, or name one --column")
    if inputs in answers:
        raise DataError(f"{place}: {inputs!r} cannot be the input and the answers")


def usual(names: Sequence[str], ask: Ask) -> list[str]:
    """Return the names ``x`` and ``y`` for at most two arrays that were given by the user.

    If one is called ``x`` or ``y``, also in capitals, the other is what is left; else the first has
    the inputs, and the second the answers. The names are kept if there are more arrays, if those
    of the answers are stated, or if the other one is a split.
    """
    small = [name.lower() for name in names]
    if len(names) > 2 or (INPUTS in names and (ask.targets or set(names) & set(USUAL))):
        return list(names)
    answers_first = small[:1] == [ANSWERS] or small[1:] == [INPUTS]
    return (
        [ANSWERS, INPUTS] if answers_first and len(names) == 2 else [INPUTS, ANSWERS][: len(names)]
    )


def _cased(name: str, names: Sequence[str]) -> str:
    """Return a usual name, in capitals if the file has only that one."""
    return name.upper() if name not in names and name.upper() in names else name


def _joined(place: str, names: Sequence[str], columns: Sequence[Array]) -> Array:
    """Return several arrays (samples,) as one (samples, arrays)."""
    if any(each.shape != columns[0].shape or each.ndim != 1 for each in columns):
        shapes = ", ".join(f"{n} {c.shape}" for n, c in zip(names, columns, strict=True))
        raise DataError(
            f"{place}: several answers must have one number a sample; there is {shapes}"
        )
    return np.stack(columns, axis=1)


def _check_lengths(place: str, x: Array, arrays: Mapping[str, Array], layout: str) -> None:
    """Refuse arrays that do not have one entry for each sample of the inputs ``x``.

    Args:
        place: the file, for messages.
        x: inputs, in which ``N`` of the layout, or the first axis, counts the samples.
        arrays: the others, in which the first axis does.
        layout: of the inputs, if stated.
    """
    if single := [name for name, each in {"x": x, **arrays}.items() if each.ndim == 0]:
        raise DataError(
            f"{place}: {single[0]} is a single value; samples come first: (samples, ...)"
        )
    axis = layout.find("N") if layout else 0
    count = x.shape[axis] if x.ndim > max(axis, 0) else 0
    for name, array in arrays.items():
        if len(array) != count:
            raise DataError(f"{place}: x has {count} samples, {name} has {len(array)}")


def _members(file: Path) -> list[str]:
    """Return the names of the members of an ``.npz`` file without reading their contents."""
    names: list[str] = []

    def record(member: str) -> bool:
        names.append(member)
        return False

    for _ in archives.members(file, wanted=record):
        pass
    return names
