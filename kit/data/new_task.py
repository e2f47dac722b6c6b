"""Creating a task folder from the user's own data: ``task.py`` and the arrays beside it."""

from __future__ import annotations

import keyword
import re
import shutil
import unicodedata
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from kit.columns import plural
from kit.data.new_task_texts import PREPARE, README, TASK
from kit.data.own import files, layout, missing, splits
from kit.data.own.card import card, gaps
from kit.data.own.reading import FILE, Array, Ask, Found, Reading
from kit.data.own.splits import Split
from kit.data.own.targets import Answers, understand
from kit.errors import DataError, KitError, printable
from kit.files import replacing, write_bytes, write_json
from kit.seeding import generator
from kit.task import Kind

# Loss and metrics of each kind; errors of numbers are scaled by their standard deviations.
SCORED: dict[Kind, tuple[str, tuple[str, ...]]] = {
    "point": ("cross-entropy", ("zero-one-error", "one-minus-f1")),
    "multi-label": ("bce", ("one-minus-auroc", "one-minus-map")),
    "regression": ("scaled-mse", ("rmse", "mae", "one-minus-r2")),
    "dense": ("scaled-mse", ("rmse", "mae", "one-minus-r2")),
    "segmentation": ("cross-entropy", ("one-minus-miou", "zero-one-error")),
}
# How to write names of files that are not valid text: by "?". An escape for half a character would
# be none that Python 3.13 takes in a docstring.
NAMES = "replace"
NOTHING_STATED = Ask()


@dataclass(frozen=True)
class Own:
    """The user's own data, checked.

    Attributes:
        x: inputs (samples, channels, *spatial).
        answers: the targets.
        split: the fold of each sample.
        reading: how to read further files in the same way.
        order: (samples,) indices in the order in which samples are stored; it is random, so that
            the first samples, which a reduced profile takes, are of all classes.
        card: the summary for the user, line by line.
    """

    x: Array
    answers: Answers
    split: Split
    reading: Reading
    order: Array
    card: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        """The kind of the task."""
        return self.answers.kind

    @property
    def outputs(self) -> int:
        """Number of classes, labels, numbers or channels."""
        return self.answers.outputs


def create(name: str, source: Path | Sequence[str], root: Path, ask: Ask = NOTHING_STATED) -> Path:
    """Create a task folder below ``root`` from one file or several, and return it.

    Args:
        name: the task's name.
        source: a file or folder, or several.
        root: the folder of tasks.
        ask: the user's options.

    Raises:
        KitError: the name is invalid or taken, or the files cannot be read as stated.
    """
    place_of(name, root)
    files = [source] if isinstance(source, Path) else [Path(each) for each in source]
    title = " and ".join(file.name for file in files)
    return write(name, read(source, ask), title, root)


def read(source: Path | Sequence[str], ask: Ask = NOTHING_STATED) -> Own:
    """Read the user's own files and check them.

    Args:
        source: a file or folder, or several.
        ask: the user's options.

    Raises:
        KitError: a file does not exist, or the content does not fit the options.
    """
    found = files.read([str(source)] if isinstance(source, Path) else source, ask)
    x, found, letters = inputs(found)
    if found.y is None or len(found.y) != len(x):
        have = 0 if found.y is None else len(found.y)
        raise DataError(f"{found.place}: x has {len(x)} samples, y has {have}")
    y = _arranged(found, letters)
    if ask.labelled_only:
        found, x, y = _labelled(found, x, y)
    if len(x) < 5 and "split" not in found.aside:
        raise DataError(
            f"{found.place}: {plural(len(x), 'sample')}, too few to be split; bring a split"
        )
    answers = understand(found.place, y, x.shape[2:], ask.kind, found.names)
    split, how = splits.divide(found.place, answers, found.aside)
    train = np.flatnonzero(split == 0)
    given = x
    x, reading, notes = missing.fitted(found.place, x, train, found.reading, found.steps)
    found = replace(found, reading=reading, notes=(*found.notes, *notes))
    found = replace(found, smells=(*found.smells, *gaps(found, given, train)))
    x = x.astype(np.float32) if x.dtype.kind == "f" else x
    order = generator(0, "own order").permutation(len(x))
    lines = card(found, x, answers, split, how, given)
    return Own(x, answers, split, reading, order, tuple(lines))


def _labelled(found: Found, x: Array, y: Array) -> tuple[Found, Array, Array]:
    """Leave out the samples whose answer is missing, wholly or in part."""
    known = ~missing.absent(y).reshape(len(y), -1).any(axis=1)
    without = int((~known).sum())
    if not without:
        return found, x, y
    aside = {what: values[known] for what, values in found.aside.items()}
    steps = None if found.steps is None else found.steps[known]
    note = f"{plural(without, 'sample')} without an answer left out"
    kept, notes = np.flatnonzero(known), (*found.notes, note)
    found = replace(found, aside=aside, steps=steps, kept=kept, notes=notes)
    return found, x[known], y[known]


def inputs(found: Found) -> tuple[Array, Found, str]:
    """Return inputs, with missing values as NaN, in the order of axes that tasks have.

    Returns:
        The inputs (samples, channels, *spatial); ``found`` with the layout in its reading; and the
        layout, which is empty if the inputs had this order already.

    Raises:
        DataError: the inputs are not numbers, or no layout is stated and their shape leaves it
            open.
    """
    x = missing.numbers(found.place, "x", found.x)
    stated = found.reading.layout and layout.check(found.reading.layout)
    if found.arranged and stated:
        raise DataError(f"{found.place}: --layout is for arrays; here the axes are known")
    if found.arranged:
        return x, found, ""
    letters = stated or layout.usual(found.place, x.shape)
    reading = msgspec.structs.replace(found.reading, layout=letters)
    x = layout.arrange(found.place, "x", x, letters)
    return x, replace(found, reading=reading), letters


def write(name: str, own: Own, source: str, root: Path) -> Path:
    """Write a task folder below ``root`` and return it.

    Args:
        name: the task's name.
        own: the data.
        source: what the data were read from, for the texts of the folder.
        root: the folder of tasks.

    Raises:
        KitError: the name is invalid or taken.
    """
    folder, facts = place_of(name, root), _facts(name, own, source)
    with ExitStack() as undo:
        # If writing fails, the folder is removed; else the next try would find the name taken.
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        order = own.order
        with replacing(folder / "data.npz") as stream:
            y = own.answers.y[order]
            np.savez_compressed(stream, x=own.x[order], y=y, split=own.split[order], row=order)
        write_json(folder / FILE, own.reading)
        write_bytes(folder / "prepare.py", PREPARE.encode())
        lines = "\n".join(map(printable, own.card))
        text = README.format(**facts, card=lines)
        write_bytes(folder / "README.md", text.encode(errors=NAMES))
        # Written last, since a folder with a task.py is a task.
        write_bytes(folder / "task.py", TASK.format(**facts).encode(errors=NAMES))
        undo.pop_all()
    return folder


def _facts(name: str, own: Own, source: str) -> dict[str, Any]:
    """Return what ``TASK`` and ``README`` are filled with.

    Args:
        name: the task's name.
        own: the data; scales, means and deviations are those of the training samples.
        source: what the data were read from.
    """
    answers, training = own.answers, own.split == 0
    loss, metrics = SCORED[answers.kind]
    rules = ""
    if answers.kind in ("regression", "dense"):
        axes = (0, *range(2, answers.y.ndim))
        spread = answers.y[training].astype(np.float64).std(axis=axes)
        scale = [f"{each:.6g}" if each > 0 else "1" for each in spread]
        loss = f"{loss}:scale={'/'.join(scale)}"
        rules = ', "targets": "pointwise"'
    mean, std, _ = missing.statistics(own.x[training])
    return {
        "name": name,
        "title": name.replace("-", " ").capitalize(),
        "source": re.sub(r'[\\"]', "_", source),  # it is written into a docstring
        "dims": own.x.ndim - 2,
        "shape": own.x.shape[1:],
        "outputs": answers.outputs,
        "names": answers.names,
        "kind": answers.kind,
        "loss": loss,
        "metrics": metrics,
        "mean": mean,
        "std": std,
        "targets": rules,
    }


def place_of(name: str, root: Path) -> Path:
    """Return the path of the folder of a new task.

    Raises:
        KitError: the name is invalid or taken.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or keyword.iskeyword(name):
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        near = "-".join(re.findall("[a-z0-9]+", plain)).lstrip("0123456789-")
        raise KitError(
            f"{name!r} is no task name: small letters, digits, single hyphens; a letter comes "
            f"first{f', such as {near!r}' if near and not keyword.iskeyword(near) else ''}"
        )
    folder = root / name.replace("-", "_")
    if folder.exists():
        raise KitError(f"{folder} is there already; choose another name or remove it")
    return folder


def _arranged(found: Found, letters: str) -> Array:
    """Return answers with channels before positions, given the layout of the inputs.

    One answer per sample, or answers with another number of axes, are returned unchanged.
    """
    assert found.y is not None
    y = found.y
    if not letters or y.ndim == 1:
        return y
    if y.ndim == len(letters) and "C" in letters and y.ndim > 2:
        return layout.arrange(found.place, "y", y, letters)
    plain = letters.replace("C", "")
    if y.ndim == len(plain) and y.ndim > 2:
        return layout.arrange(found.place, "y", y, plain)[:, 0]
    return y
