"""Sizes of models, counted once: counting takes torch and seconds, so the numbers are kept.

They lie in ``results`` for as long as the code of the kit, its tasks and methods is the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from kit import method, paths, task
from kit.files import write_json
from kit.runs.provenance import code_hash


class Count(NamedTuple):
    """A model's trainable parameters, and multiply-adds for one sample.

    ``searched`` tells that they are the supernet's.
    """

    parameters: int
    multiply_adds: int
    searched: bool


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was counted, by ``task method``; None for a model that is not known."""

    code: str
    counts: dict[str, Count | None]


def counts(wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Count | None]:
    """Return the size of each (task, method)'s model, None where it is not known."""
    pairs = list(dict.fromkeys(wanted))
    file, code = paths.results() / ".counts.json", _code()
    kept = _read(file)
    known = dict(kept.counts) if kept and kept.code == code else {}
    missing = [pair for pair in pairs if " ".join(pair) not in known]
    for task_name, method_name in missing:
        known[f"{task_name} {method_name}"] = _count(task_name, method_name)
    if missing:
        with suppress(OSError):  # results may be read-only
            write_json(file, Kept(code, known))
    return {pair: known[" ".join(pair)] for pair in pairs}


def _count(task_name: str, method_name: str) -> Count | None:
    from kit.methods.sizes import size

    found = size(task.find(task_name), method.find(method_name))
    if found is None:
        return None
    return Count(found.parameters, found.multiply_adds, found.searched)


def _code() -> str:
    hashes = (code_hash(folder, folder) for folder in (*paths.tasks(), *paths.methods()))
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def _read(file: Path) -> Kept | None:
    with suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(file.read_bytes(), type=Kept)
    return None
