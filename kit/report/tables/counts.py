"""Sizes of models, counted once: counting takes torch and seconds, so the numbers are kept.

They lie in ``results`` for as long as the code is the same that models of their task depend on.
Another process counts, so that torch is never in this one's memory.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from kit import paths, task
from kit.errors import KitError
from kit.files import decode_json, write_json
from kit.runs.provenance import hash_of

COMMAND = (sys.executable, "-m", "kit.base.sizes")
# What methods may not import has no part in a model.
ABOVE = {"bench", "cli", "containers", "engines", "export", "papers", "plan.py", "report"}

Pair = tuple[str, str]


class ModelCounts(NamedTuple):
    """What ``kit.base.sizes.Size`` has."""

    parameters: int
    multiply_adds: int
    elementwise: int
    searched: bool
    released: tuple[tuple[int, int, int], ...] = ()


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was counted on one task, by method; None for a model that is not known."""

    code: str
    counts: dict[str, ModelCounts | None]


def counts(wanted: Iterable[Pair]) -> dict[Pair, ModelCounts | None]:
    """Return the size of each (task, method)'s model, None where it is not known."""
    pairs = list(dict.fromkeys(wanted))
    codes = _codes(name for name, _ in pairs)
    file = paths.results() / ".counts.json"
    kept = _read(file)
    known = {
        (name, each): count
        for name, code in codes.items()
        if name in kept and kept[name].code == code
        for each, count in kept[name].counts.items()
    }
    missing = [pair for pair in pairs if pair not in known]
    if missing:
        known |= _count(missing)
        fresh = {name: Kept(code, {}) for name, code in codes.items()}
        for (name, each), count in known.items():
            fresh[name].counts[each] = count
        with suppress(OSError):  # results may be read-only
            write_json(file, {**kept, **fresh})
    return {pair: known[pair] for pair in pairs}


def _count(pairs: Sequence[Pair]) -> dict[Pair, ModelCounts | None]:
    words = [" ".join(pair) for pair in pairs]
    done = subprocess.run([*COMMAND, *words], stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode != 0:
        last = (done.stderr.decode().strip().splitlines() or ["no message"])[-1]
        raise KitError(f"models could not be counted: {last}")
    sizes = decode_json(done.stdout, list[ModelCounts | None])
    return dict(zip(pairs, sizes, strict=True))


def _codes(names: Iterable[str]) -> dict[str, str]:
    """Return by task what its models depend on, as a hash."""
    package = sorted(Path(__file__).resolve().parents[2].iterdir())
    below = [place for place in package if place.name not in ABOVE]
    shared = hash_of([*below, *paths.methods()[1:]])
    return {name: f"{shared} {hash_of([task.find(name).folder])}" for name in dict.fromkeys(names)}


def _read(file: Path) -> Mapping[str, Kept]:
    with suppress(OSError, msgspec.MsgspecError):
        return decode_json(file.read_bytes(), dict[str, Kept])
    return {}
