"""What a plan consists of: runs, data, and cells that stay empty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kit.spec import RunSpec, Tier


@dataclass(frozen=True)
class PlannedRun:
    """A run, what is to be done with it, and why.

    Attributes:
        action: ``run``; ``keep``, since it has a valid result; or ``failed``, which is left alone
            until ``--retry-failed``. Failures that the run had no part in are ``run`` again.
        hours: None where nothing tells.
        gpus: how many it needs.
        bytes: that it leaves on disk, roughly.
        memory: bytes of a GPU that runs of other seeds took at most; None where nothing tells.
    """

    spec: RunSpec
    action: Literal["run", "keep", "failed"]
    reason: str
    hours: float | None
    gpus: int
    bytes: int
    memory: int | None = None


@dataclass(frozen=True)
class PlannedData:
    """Data that the runs need; ``command`` makes them where they are not ready.

    Attributes:
        automatic: whether a sweep may make them: no network is needed, and nothing is replaced but
            what a generator made.
        bytes: that they will take.
        problem: what to tell where they are not ready and not made, with the mend.
    """

    task: str
    tier: Tier
    ready: bool
    command: str
    automatic: bool
    bytes: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Plan:
    """Everything behind a table.

    Attributes:
        runs: those to run first, longest first.
        data: one entry per task and tier.
        skipped: (task, method, reason) of cells that a method cannot fill.
    """

    runs: list[PlannedRun]
    data: list[PlannedData]
    skipped: list[tuple[str, str, str]]

    @property
    def todo(self) -> list[PlannedRun]:
        """The runs to be run."""
        return [run for run in self.runs if run.action == "run"]

    @property
    def bytes(self) -> int:
        """Disk that running it takes, roughly: data that are not ready, and what runs leave."""
        return sum(each.bytes for each in self.data) + sum(run.bytes for run in self.todo)
