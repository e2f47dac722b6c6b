"""Sizes of models, counted once: counting takes torch and seconds, so the numbers are kept.

They lie in ``results`` for as long as the code of the kit, its tasks and methods is the same. Other
processes count, so that torch is never in this one's memory.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from kit import paths
from kit.errors import KitError
from kit.files import write_json
from kit.runs.provenance import code_hash

COMMAND = (sys.executable, "-m", "kit.methods.sizes")
# More models than this are worth a second process, which takes seconds to begin.
WORTH_A_PROCESS = 24

Pair = tuple[str, str]


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


def counts(wanted: Iterable[Pair]) -> dict[Pair, Count | None]:
    """Return the size of each (task, method)'s model, None where it is not known."""
    pairs = list(dict.fromkeys(wanted))
    file, code = paths.results() / ".counts.json", _code()
    kept = _read(file)
    known = dict(kept.counts) if kept and kept.code == code else {}
    missing = [pair for pair in pairs if " ".join(pair) not in known]
    if missing:
        known |= {" ".join(pair): count for pair, count in _count(missing).items()}
        with suppress(OSError):  # results may be read-only
            write_json(file, Kept(code, known))
    return {pair: known[" ".join(pair)] for pair in pairs}


def _count(pairs: Sequence[Pair]) -> dict[Pair, Count | None]:
    """Count in processes side by side, each with every n-th of the models."""
    number = min(os.cpu_count() or 1, 1 + len(pairs) // WORTH_A_PROCESS)
    shares = [pairs[first::number] for first in range(number)]
    started = [_start(share) for share in shares]
    found: dict[Pair, Count | None] = {}
    for share, process in zip(shares, started, strict=True):
        answer, said = process.communicate()
        if process.returncode != 0:
            last = (said.decode().strip().splitlines() or ["no message"])[-1]
            raise KitError(f"models could not be counted: {last}")
        sizes = msgspec.json.decode(answer, type=list[Count | None])
        found |= zip(share, sizes, strict=True)
    return found


def _start(share: Sequence[Pair]) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    words = [" ".join(pair) for pair in share]
    return subprocess.Popen([*COMMAND, *words], stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)


def _code() -> str:
    hashes = (code_hash(folder, folder) for folder in (*paths.tasks(), *paths.methods()))
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def _read(file: Path) -> Kept | None:
    with suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(file.read_bytes(), type=Kept)
    return None
