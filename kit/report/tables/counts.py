"""Sizes of models, counted once: counting takes torch and seconds, so the numbers are kept.

They lie in ``results`` for as long as the code is the same that models of their task depend on.
Other processes count, one per core, so that torch is never in this one's memory.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE
from tempfile import TemporaryFile
from typing import NamedTuple

import msgspec

from kit import paths, task
from kit.errors import KitError, last_line
from kit.files import decode_json, write_json
from kit.report.tables import Progress
from kit.runs.provenance import hash_of

COMMAND = (sys.executable, "-m", "kit.base.sizes")
# Parts of the package that no model depends on, since methods cannot import them.
ABOVE = {"bench", "cli", "containers", "engines", "export", "papers", "plan", "report"}

FEWEST = 8
"""How many models make another process worth its start."""

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


# What this process has counted and could not keep.
_unwritten: dict[str, Kept] = {}


def counts(
    wanted: Iterable[Pair], progress: Progress = lambda *_: None
) -> dict[Pair, ModelCounts | None]:
    """Return the size of each (task, method)'s model, None where it is not known.

    ``progress`` is called with (done, total) as models are counted.
    """
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
        known |= _count(missing, progress)
        fresh = {name: Kept(code, {}) for name, code in codes.items()}
        for (name, each), count in known.items():
            fresh[name].counts[each] = count
        try:
            write_json(file, {**kept, **fresh})
        except OSError:  # results may be read-only
            _unwritten.update(fresh)
    return {pair: known[pair] for pair in pairs}


def _count(pairs: Sequence[Pair], progress: Progress) -> dict[Pair, ModelCounts | None]:
    # A process has to load torch first, so that it should have more than a few to count.
    processes = min(len(os.sched_getaffinity(0)), -(-len(pairs) // FEWEST))
    known: dict[Pair, ModelCounts | None] = {}
    # What a model takes depends on its method: every process gets its share of each.
    shared = sorted(pairs, key=lambda pair: pair[1])

    def work(mine: Sequence[Pair]) -> None:
        words = [*COMMAND, *(" ".join(pair) for pair in mine)]
        with (
            TemporaryFile() as errors,
            subprocess.Popen(words, stdin=DEVNULL, stdout=PIPE, stderr=errors) as process,
        ):
            assert process.stdout is not None
            for pair, line in zip(mine, process.stdout, strict=False):
                known[pair] = decode_json(line, list[ModelCounts | None])[0]
                progress(len(known), len(pairs))
            process.wait()
            errors.seek(0)
            said = errors.read().decode()
        if process.returncode != 0:
            raise KitError(f"models could not be counted: {last_line(said)}")

    with ThreadPoolExecutor(processes) as pool:
        list(pool.map(work, (shared[number::processes] for number in range(processes))))
    return known


def _codes(names: Iterable[str]) -> dict[str, str]:
    """Return by task what its models depend on, as a hash."""
    package = sorted(Path(__file__).resolve().parents[2].iterdir())
    below = [place for place in package if place.name not in ABOVE]
    shared = hash_of([*below, *paths.methods()[1:]])
    return {name: f"{shared} {hash_of([task.find(name).folder])}" for name in dict.fromkeys(names)}


def _read(file: Path) -> Mapping[str, Kept]:
    found: dict[str, Kept] = {}
    with suppress(OSError, msgspec.MsgspecError):
        found = decode_json(file.read_bytes(), dict[str, Kept])
    return found | _unwritten
