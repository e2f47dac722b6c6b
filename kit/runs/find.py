"""Finding runs on disk by what a user types: a folder, a part of its path, or an id."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from kit import paths
from kit.errors import KitError, listed, near
from kit.runs.names import RESULT, SPEC, files
from kit.runs.records import decode_spec
from kit.spec import PROFILES, PROTOCOLS, TIERS, RunSpec


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
    if (Path(word) / SPEC).is_file():
        return [Path(word)]
    root = root or paths.runs()
    folders = sorted((file.parent for file in files(root, SPEC)), key=_seeds_as_numbers)
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
    hint = near(word, cells) or ("; 'kit status' lists them" if cells else "; there is none")
    raise KitError(f"no run {word!r} in {root}{hint}")


def find_one(
    word: str, root: Path | None = None, log: Callable[[str], None] = lambda _: None
) -> Path:
    """Return the folder of the run that a word names.

    Of several it is the fullest one that succeeded: the profile counts before the protocol
    (``released`` first) and the tier, the best first.

    Args:
        word: see ``find``.
        root: the folder of runs, if not ``results/runs``.
        log: takes a line that says which run it is, where the word fits several.

    Raises:
        KitError: there is none, or several are equally full, such as those of other seeds.
    """
    found = find(word, root)
    if len(found) == 1:
        return found[0]
    ranks = {folder: _rank(folder) for folder in found}
    best = [folder for folder in found if ranks[folder] == min(ranks.values())]
    if len(best) > 1:
        several = listed([str(folder) for folder in best])
        raise KitError(f"{word!r} names {len(best)} runs, name one of them: {several}")
    log(f"{word} names {len(found)} runs; taking the fullest one: {best[0]}")
    return best[0]


def _rank(folder: Path) -> tuple[int, ...]:
    """Return where a run stands among others that a word names, the best first."""
    succeeded = (folder / RESULT).is_file()
    try:
        spec = read_spec(folder)
    except KitError:
        return (2,)
    words = ((spec.profile, PROFILES), (spec.protocol, PROTOCOLS), (spec.tier, TIERS))
    return (0 if succeeded else 1, *(known.index(word) for word, known in words))


def read_spec(folder: Path) -> RunSpec:
    """Return what the run in a folder is.

    Raises:
        KitError: its ``spec.json`` is damaged or of another kit.
    """
    try:
        return decode_spec((folder / SPEC).read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        raise KitError(f"{folder / SPEC} cannot be read: {error}") from None


def _seeds_as_numbers(folder: Path) -> tuple[Path, list[int | str]]:
    """Return what sorts the folders of runs, with seed 10 after seed 9."""
    parts = re.split(r"([0-9]+)", folder.name)
    return folder.parent, [int(part) if n % 2 else part for n, part in enumerate(parts)]


def _has_seed(folder: Path, wanted: tuple[str, ...]) -> bool:
    *cell, seed = wanted
    return folder.parts[:2] == tuple(cell) and folder.name.startswith(f"seed-{seed}-")


def _has_id(folder: Path, word: str) -> bool:
    known = folder.name.rpartition("-")[2]
    return len(word) >= 4 and (known.startswith(word) or word.startswith(known))
