"""Collecting results: every valid one, and the reason for each that is not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kit import paths
from kit.runs.folder import read_result
from kit.runs.names import RESULT, files
from kit.runs.records import Result


@dataclass(frozen=True)
class Rejected:
    """A result file that counts as absent, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path} counts as absent: {self.reason}"


@dataclass(frozen=True)
class Collected:
    """All results below a folder, in a fixed order."""

    results: list[Result]
    rejected: list[Rejected]


def collect(root: Path | None = None) -> Collected:
    """Read every ``result.json`` below ``results/runs``."""
    results, rejected = [], []
    for path in files(root or paths.runs(), RESULT):
        try:
            results.append(read_result(path))
        except (ValueError, OSError) as error:
            rejected.append(Rejected(path, str(error)))
    return Collected(results, rejected)


def set_aside(rejected: Rejected) -> Path:
    """Rename a rejected result, so that nothing is lost and the run can be made again."""
    target = rejected.path.with_name(f"{rejected.path.name}.rejected")
    number = 1
    while target.exists():
        target = rejected.path.with_name(f"{rejected.path.name}.rejected-{number}")
        number += 1
    rejected.path.rename(target)
    return target
