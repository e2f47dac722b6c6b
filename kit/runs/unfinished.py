"""What unfinished runs have cost so far, stage by stage, and what they will cost in all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kit import paths
from kit.runs import history
from kit.runs.folder import RunFolder, read_attempt, read_status
from kit.runs.names import RESULT, SPEC, folders
from kit.runs.records import StageRecord, decode_spec
from kit.spec import RunSpec


@dataclass(frozen=True)
class StageSeconds:
    """Seconds of one stage.

    Attributes:
        seconds: of computing; for a stage that has not ended, scaled up to all its epochs.
        epoch: how many are done; None where the stage has ended.
        epochs: of how many.
    """

    seconds: float
    epoch: int | None = None
    epochs: int | None = None


@dataclass(frozen=True)
class Unfinished:
    """A run that has begun and has no result.

    Attributes:
        stages: those that have ended, and the one under way once it has an epoch.
        gpus: UUIDs; none where no queue started it.
    """

    spec: RunSpec
    stages: dict[str, StageSeconds]
    gpus: tuple[str, ...]


def find(root: Path | None = None) -> list[Unfinished]:
    """Return every unfinished run below ``results/runs`` that has cost anything, sorted."""
    root = root or paths.runs()
    begun = [
        folder
        for folder in folders(root)
        if (folder / SPEC).exists() and not (folder / RESULT).exists()
    ]
    found = [_read(folder, root) for folder in begun]
    return [run for run in found if run is not None and run.stages]


def _read(folder: Path, root: Path) -> Unfinished | None:
    with suppress(OSError, msgspec.MsgspecError):
        spec = decode_spec((folder / SPEC).read_bytes())
        if root / spec.folder == folder:
            attempt = read_attempt(folder)
            gpus = attempt.gpus if attempt else ()
            return Unfinished(spec, dict(_stages(RunFolder(spec, root))), gpus)
    return None


def _stages(folder: RunFolder) -> Iterator[tuple[str, StageSeconds]]:
    ended = {file.stem for file in (folder.path / "stages").glob("*.json")}
    for name in sorted(ended):
        cost = (folder.output(name) or {}).get("cost")
        with suppress(msgspec.ValidationError):  # a stage of no cost, or somebody's own file
            yield name, StageSeconds(msgspec.convert(cost, StageRecord).active_seconds)
    status = read_status(folder.path)
    if status and status.stage and status.stage not in ended and status.epoch and status.epochs:
        seconds = _so_far(folder.path, status.stage)
        if seconds:
            whole = seconds * status.epochs / status.epoch
            yield status.stage, StageSeconds(whole, status.epoch, status.epochs)


def _so_far(folder: Path, stage: str) -> float:
    """Return the seconds of a stage, over all its trials, as its history has them."""
    latest = {
        line.get("trial"): float(line["seconds"])
        for line in history.read(folder)
        if line.get("stage") == stage
        and isinstance(line.get("seconds"), int | float)
        and isinstance(line.get("trial"), int | None)
    }
    return sum(latest.values())
