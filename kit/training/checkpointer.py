"""A stage of a run: its checkpoint, its lines of history, its clock.

After ``kill -9`` a stage continues from its last checkpoint to the result that it would have had.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from kit import environment
from kit.errors import KitError
from kit.seeding import key
from kit.spec import RunSpec
from kit.training import tensors

# Checkpoints of short epochs would cost more than the epochs.
SECONDS_BETWEEN_CHECKPOINTS = 5.0


class Stateful(Protocol):
    """A module, an optimiser, or whatever else a stage must find again."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""

    def load_state_dict(self, state: dict[str, Any], /) -> Any:
        """Take a state on."""


class Checkpointer:
    """What one stage, or one trial of it, writes down to be resumed.

    Args:
        name: of the stage.
        spec: of the run; a checkpoint of another run is refused.
        folder: where the checkpoint lies.
        history: the file of one JSON line per epoch.
        notify: called after each epoch with (epoch, loss).
        trial: number of the trial, if it is one.
    """

    def __init__(
        self,
        name: str,
        spec: RunSpec,
        folder: Path,
        history: Path,
        notify: Callable[[int, float], None] = lambda *_: None,
        trial: int | None = None,
    ) -> None:
        self.name, self.spec, self.history = name, spec, history
        self.checkpoint = folder / f"{name}.checkpoint.pt"
        self.notify, self.trial = notify, trial
        self.stream: tuple[str | int, ...] = (name,) if trial is None else (name, trial)
        self._earlier_seconds, self.sessions = 0.0, 1
        self._began = self._saved = time.monotonic()
        asked = environment.number("KIT_CHECKPOINT_SECONDS")
        self._pause = SECONDS_BETWEEN_CHECKPOINTS if asked is None else asked

    @property
    def active_seconds(self) -> float:
        """Seconds at work on this stage, over all its sessions."""
        return self._earlier_seconds + time.monotonic() - self._began

    def resume(self, state: Mapping[str, Stateful]) -> int:
        """Load the last checkpoint, if there is one, and return the epoch to go on with.

        Raises:
            KitError: the checkpoint is of another run or version.
        """
        if not self.checkpoint.exists():
            self._truncate_history(self._first_line())
            return 0
        content = tensors.load(self.checkpoint)
        if content["run"] != self.spec.id:
            raise KitError(f"{self.checkpoint} is of another run; remove it to start afresh")
        for name, part in state.items():
            part.load_state_dict(content["state"][name])
        self._truncate_history(content["history"])
        self._earlier_seconds, self.sessions = content["seconds"], content["sessions"] + 1
        return int(content["epoch"])

    def begin_epoch(self, epoch: int) -> None:
        """Key torch's randomness (dropout, Gumbel noise) to the seed, the stage and the epoch."""
        torch.manual_seed(key(self.spec.seed, *self.stream, "epoch", epoch))

    def end_epoch(
        self, epoch: int, epochs: int, state: Mapping[str, Stateful], **values: Any
    ) -> None:
        """Write the epoch's line of history and, now and then and at the end, a checkpoint."""
        line = {"stage": self.name, "trial": self.trial, "epoch": epoch, **values}
        line["seconds"] = round(self.active_seconds, 3)
        self.history.parent.mkdir(parents=True, exist_ok=True)
        with self.history.open("a") as stream:
            stream.write(json.dumps({k: v for k, v in line.items() if v is not None}) + "\n")
        self.notify(epoch + 1, values.get("loss", float("nan")))
        due = time.monotonic() - self._saved >= self._pause
        if due or epoch + 1 == epochs:
            self._save(epoch + 1, state)

    def remove_checkpoint(self) -> None:
        """Drop the checkpoint of a finished stage."""
        self.checkpoint.unlink(missing_ok=True)

    def _save(self, epoch: int, state: Mapping[str, Stateful]) -> None:
        with self.history.open("rb+") as stream:
            os.fsync(stream.fileno())
        content = {
            "run": self.spec.id,
            "epoch": epoch,
            "state": {name: part.state_dict() for name, part in state.items()},
            "history": self.history.stat().st_size,
            "seconds": self.active_seconds,
            "sessions": self.sessions,
        }
        tensors.save(self.checkpoint, content)
        self._saved = time.monotonic()

    def _first_line(self) -> int:
        """Return where in the history this stage begins, by an earlier and lost attempt."""
        if not self.history.exists():
            return 0
        offset = 0
        for line in self.history.read_bytes().splitlines(keepends=True):
            try:
                if json.loads(line)["stage"] == self.name:
                    return offset
            except (ValueError, KeyError):
                return offset
            offset += len(line)
        return offset

    def _truncate_history(self, size: int) -> None:
        if self.history.exists():
            os.truncate(self.history, size)
