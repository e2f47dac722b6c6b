"""What a run wrote down epoch by epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from kit.runs.names import HISTORY

NO_NUMBERS = ("epoch", "seconds")


class Scalar(NamedTuple):
    """A number that a stage told at the end of an epoch, which counts from 1.

    One that was not finite may have been written as null, and is NaN.
    """

    stage: str
    name: str
    epoch: int
    value: float


def read(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's history, those of its trials after them.

    Of each file, lines are read up to the first that is no JSON: the last one may be cut off, where
    the run is under way or was killed. Lines that are no JSON objects are left out.
    """
    lines = []
    files = [folder / HISTORY, *sorted((folder / "trials").glob(f"*/{HISTORY}"))]
    for file in files:
        content = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
        for line in content.splitlines():
            try:
                found = json.loads(line, parse_int=_whole)
            except (ValueError, RecursionError):
                break
            if isinstance(found, dict):
                lines.append(found)
    return lines


def _whole(digits: str) -> int | float:
    """Return a whole number; one of twenty digits or more as a float, which may be infinite."""
    return int(digits) if len(digits) < 20 else float(digits)


def scalars(folder: Path) -> Iterator[Scalar]:
    """Yield the numbers of a run's history, line by line; those of its trials are left out."""
    for line in read(folder):
        # Others than the kit may have written it: lines of another form are left out.
        stage, epoch = line.get("stage"), line.get("epoch")
        if isinstance(stage, str) and isinstance(epoch, int) and "trial" not in line:
            for name, value in line.items():
                if name not in NO_NUMBERS and isinstance(value, int | float | None):
                    yield Scalar(
                        stage, name, epoch + 1, math.nan if value is None else float(value)
                    )
