"""Folders of images or sounds; the class is the name of a file's folder, or is in a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from kit.data.own import columns
from kit.data.own.images import images
from kit.data.own.missing import whole
from kit.data.own.reading import Array, Ask, Found, Reading
from kit.data.own.sounds import sounds
from kit.data.own.splits import WORDS
from kit.data.own.targets import check_nested
from kit.errors import DataError, unknown
from kit.files import check_plain

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
FILE_COLUMNS = ("file", "filename", "file_name", "path", "image", "audio", "fname", "name")
LABEL_COLUMNS = ("label", "labels", "class", "target", "y")
# A folder of metadata in archives made by macOS.
ARCHIVED = "__MACOSX"


def read(folder: Path, labels: Path | None, ask: Ask) -> Found:
    """Read a folder with a folder for each class, or with the files that a table names.

    If the classes are below folders ``train``, ``val`` and ``test``, these are the split. Such
    folders without ``test`` are refused: their names would be taken for classes.

    Args:
        folder: the folder.
        labels: a table of files and labels; None if folders are the classes.
        ask: the user's options.

    Raises:
        DataError: there are no images or sounds, a file has no class, or a row has no file.
        KitError: a package is missing.
    """
    files = sorted(_below(folder))
    if not files:
        known = ", ".join((*IMAGES, *SOUNDS))
        raise DataError(f"{folder}: a folder without images or sounds ({known})")
    if not ask.answers:
        return _found(str(folder), folder, files, ask.reading, {}, None)
    inapplicable = {
        "column": bool(ask.reading.columns),
        "as": ask.reading.rows != "sequence",
        "sequence": ask.reading.sequence is not None,
    }
    if option := next((each for each, stated in inapplicable.items() if stated), None):
        raise DataError(f"{folder}: --{option} is for tables, not for folders")
    if labels is not None:
        return _by_table(folder, labels, ask)
    return _by_folder(folder, files, ask)


def read_files(files: Sequence[Path], ask: Ask) -> Found:
    """Read single files, which have no classes, for predictions.

    Raises:
        DataError: answers are asked for, as for a new task.
    """
    if ask.answers:
        raise DataError(f"{files[0]}: give the folder, whose folders are the classes")
    return _found(str(files[0]), None, files, ask.reading, {}, None)


def _by_folder(folder: Path, files: Sequence[Path], ask: Ask) -> Found:
    """Read files whose class, and perhaps fold, is the name of their folder."""
    parts = [file.relative_to(folder).parts[:-1] for file in files]
    split: list[str] | None = None
    heads = {each[0] for each in parts if each}
    folds = {WORDS.get(each.lower()) for each in heads}
    if None not in folds and all(len(each) > 1 for each in parts):
        if not {"train", "test"} <= folds:
            raise DataError(
                f"{folder}: {' and '.join(sorted(heads))} are folds, not classes; there must be "
                "train and test, or the folders of classes themselves are to be given"
            )
        split, parts = [WORDS[each[0].lower()] for each in parts], [each[1:] for each in parts]
    loose = [file for file, part in zip(files, parts, strict=True) if not part]
    if loose:
        raise DataError(
            f"{loose[0]} is in no folder of a class; give a table of labels too: "
            f"--from {folder} labels.csv"
        )
    y = np.array([each[0] for each in parts])
    aside: dict[str, Array] = {} if split is None else {"split": np.array(split)}
    if ask.aside or ask.targets:
        option = next(iter(ask.aside), "target")
        option = "id" if option == "identity" else option
        raise DataError(f"{folder}: --{option} needs a table of labels beside it")
    return _found(str(folder), folder, files, ask.reading, aside, y)


def _by_table(folder: Path, labels: Path, ask: Ask) -> Found:
    """Read the files that a table names, with the answers of the table."""
    table, notes, nested = columns.read(
        [labels],
        names=lambda name: name.lower() in FILE_COLUMNS,
        classes=lambda name: name in ask.targets or name.lower() in LABEL_COLUMNS,
    )
    words = [name for name in table if table[name].dtype.kind == "O"]
    usual = [name for name in table if name.lower() in FILE_COLUMNS]
    column = next(iter([*usual, *words]), None)
    if column is None:
        raise DataError(f"{labels}: no column names the files")
    targets = ask.targets or tuple(n for n in table if n.lower() in LABEL_COLUMNS)[:1]
    if not targets:
        raise DataError(f"{labels}: say which column has the answers, --target NAME")
    for name in (*targets, *ask.aside.values()):
        if name not in table:
            raise unknown(f"column of {labels}", name, table)
    check_nested(str(labels), {each: nested[each] for each in targets if each in nested}, ask.kind)
    values = [table[name] for name in targets]
    paths = whole(str(labels), f"column {column!r}", table[column])
    files = [folder / str(each) for each in paths.tolist()]
    absent = [str(each) for each in files if not each.is_file() or not _inside(each, folder)]
    if absent:
        raise DataError(
            f"{labels}: of the files that column {column!r} names, {len(absent):,} are not there, "
            f"such as {absent[0]}"
        )
    given = ask.splitting is None and "split" in table
    named = {"split": "split", **ask.aside} if given else ask.aside
    aside = {
        what: whole(str(labels), f"column {name!r}", table[name]) for what, name in named.items()
    }
    y = values[0] if len(values) == 1 else np.stack(values, axis=1)
    found = _found(f"{folder} by {labels}", folder, files, ask.reading, aside, y)
    names = targets if len(targets) > 1 else ()
    return dataclasses.replace(found, names=names, notes=(*notes, *found.notes))


def _found(
    place: str,
    folder: Path | None,
    files: Sequence[Path],
    reading: Reading,
    aside: dict[str, Array],
    y: Array | None,
) -> Found:
    """Read images or sounds; their paths relative to the folder are the samples' names."""
    suffixes = {file.suffix.lower() for file in files}
    if suffixes & set(IMAGES) and suffixes & set(SOUNDS):
        raise DataError(f"{place} has both images and sounds")
    # What a task's reading has of its own images or sounds.
    made = "images" if reading.mode else "sounds" if reading.rate else None
    given = "images" if suffixes & set(IMAGES) else "sounds"
    if made and given != made:
        raise DataError(f"{place} has {given}, and the task was made of {made}")
    x, reading, notes = (images if given == "images" else sounds)(place, files, reading)
    names = [str(_inside(file, folder) if folder else file) for file in files]
    aside = {"identity": np.array(names), **aside}
    reading = replace(reading, identity=None)
    return Found(place=place, x=x, y=y, aside=aside, reading=reading, notes=tuple(notes))


def _below(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Yield the images and sounds below a folder; links are followed, hidden files left out.

    Args:
        folder: the folder.
        above: the folders that it is in, by which circular links are recognised.

    Raises:
        DataError: a link is broken, or leads to a folder that it is in, or to no file.
    """
    above = (*above, folder.resolve())
    for each in folder.iterdir():
        if each.name.startswith(".") or each.name == ARCHIVED:
            continue
        wanted = each.suffix.lower() in (*IMAGES, *SOUNDS)
        if each.is_dir():
            if each.resolve() in above:
                raise DataError(f"{each} leads to {each.resolve()}, in which it lies; remove it")
            yield from _below(each, above)
        elif wanted and not each.exists():
            raise DataError(f"{each} leads to {each.readlink()}, which is not there")
        elif wanted:
            check_plain(each)
            yield each


def _inside(file: Path, folder: Path) -> Path | None:
    """Return the path of a file in a folder, also that of a link; None if it is not in there."""
    plain, within = file.absolute(), folder.absolute()
    if ".." in file.parts or not plain.is_relative_to(within):
        plain, within = file.resolve(), folder.resolve()
    return plain.relative_to(within) if plain.is_relative_to(within) else None
