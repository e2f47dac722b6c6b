"""Finding runs on disk by what a user types: a folder, a part of its path, or an id."""

from __future__ import annotations

from pathlib import Path

import msgspec

from kit import paths
from kit.errors import KitError, nearest
from kit.runs.records import decode_spec
from kit.spec import RunSpec


def find(word: str, root: Path | None = None) -> list[Path]:
    """Return the folders of the runs that a word names, in a fixed order.

    Args:
        word: a run's folder; or the beginning of its path below ``results/runs``, whole names
            only (``darcy-flow/dash``), or that and a seed (``darcy-flow/dash/0``); or the first
            four or more digits of its id.
        root: the folder of runs, if not ``results/runs``.

    Raises:
        KitError: there is none.
    """
    if (Path(word) / "spec.json").is_file():
        return [Path(word)]
    root = root or paths.results() / "runs"
    folders = sorted(file.parent for file in root.glob("*/*/*/seed-*/spec.json"))
    wanted = tuple(word.strip("/").split("/"))
    found = [
        folder
        for folder in folders
        if folder.relative_to(root).parts[: len(wanted)] == wanted
        or _has_seed(folder.relative_to(root), wanted)
        or _has_id(folder, word)
    ]
    if found:
        return found
    cells = {"/".join(folder.relative_to(root).parts[:2]) for folder in folders}
    raise KitError(f"no run {word!r} in {root}{nearest(word, cells)}")


def find_one(word: str, root: Path | None = None) -> Path:
    """Return the folder of the only run that a word names.

    Raises:
        KitError: there is none, or there are several.
    """
    found = find(word, root)
    if len(found) > 1:
        several = ", ".join(str(folder) for folder in found[:6])
        raise KitError(f"{word!r} names {len(found)} runs, name one of them: {several}")
    return found[0]


def read_spec(folder: Path) -> RunSpec:
    """Return what the run in a folder is.

    Raises:
        KitError: its ``spec.json`` is damaged or of another kit.
    """
    try:
        return decode_spec((folder / "spec.json").read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        raise KitError(f"{folder / 'spec.json'} cannot be read: {error}") from None


def _has_seed(folder: Path, wanted: tuple[str, ...]) -> bool:
    *cell, seed = wanted
    return folder.parts[:2] == tuple(cell) and folder.name.startswith(f"seed-{seed}-")


def _has_id(folder: Path, word: str) -> bool:
    known = folder.name.rpartition("-")[2]
    return len(word) >= 4 and (known.startswith(word) or word.startswith(known))
