"""What a run wrote down epoch by epoch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

NO_NUMBERS = ("epoch", "seconds")


class Scalar(NamedTuple):
    """A number that a stage told at the end of an epoch, which counts from 1."""

    stage: str
    name: str
    epoch: int
    value: float


def read(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's history, those of its trials after them.

    A line that was cut off, the last of a run at work or killed, is left out.
    """
    lines = []
    files = [folder / "history.jsonl", *sorted((folder / "trials").glob("*/history.jsonl"))]
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
            try:
                lines.append(json.loads(line))
            except ValueError:
                break
    return lines


def scalars(folder: Path) -> Iterator[Scalar]:
    """Yield the numbers of a run's history, line by line; those of its trials are left out."""
    for line in read(folder):
        # Whatever wrote it: what has another form tells no number.
        stage, epoch = (line.get("stage"), line.get("epoch")) if isinstance(line, dict) else (0, 0)
        if isinstance(stage, str) and isinstance(epoch, int) and "trial" not in line:
            for name, value in line.items():
                if name not in NO_NUMBERS and isinstance(value, int | float):
                    yield Scalar(stage, name, epoch + 1, float(value))
