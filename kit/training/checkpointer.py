"""The checkpoint, the history and the clock of a stage, and its end where it diverges.

After ``kill -9`` a stage continues from its last checkpoint to the result that it would have had.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec
import torch
from torch import Tensor, nn

from kit import divergence, environment
from kit.errors import KitError
from kit.seeding import key
from kit.spec import RunSpec
from kit.training import tensors

# Checkpoints of short epochs would cost more than the epochs.
SECONDS_BETWEEN_CHECKPOINTS = 5.0


class Stateful(Protocol):
    """Anything whose state belongs in a checkpoint, such as a module or an optimiser."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""

    def load_state_dict(self, state: dict[str, Any], /) -> Any:
        """Restore what ``state_dict`` returned."""


class Checkpointer:
    """Keeps the checkpoint and the history of one stage, or of one trial of it.

    Progress is counted in epochs. In a stage with other units of work, such as rounds of boosting
    or the children of a search, an epoch is one of these.

    Args:
        name: of the stage.
        spec: of the run; a checkpoint of another run is refused.
        folder: where the checkpoint lies.
        history: the file of one JSON line per epoch.
        notify: called after each epoch with (epoch, loss).
        trial: number of the trial, if it is one.
        configuration: of the trial, as JSON; a checkpoint of another one is ignored.
    """

    def __init__(
        self,
        name: str,
        spec: RunSpec,
        folder: Path,
        history: Path,
        notify: Callable[[int, float], None] = lambda *_: None,
        trial: int | None = None,
        configuration: str | None = None,
    ) -> None:
        self.name, self.spec, self.history = name, spec, history
        self.checkpoint = folder / f"{name}.checkpoint.pt"
        self.notify, self.trial, self.configuration = notify, trial, configuration
        self.stream: tuple[str | int, ...] = (name,) if trial is None else (name, trial)
        self._earlier_seconds, self.sessions = 0.0, 1
        self._began = self._saved = time.monotonic()
        asked = environment.number(environment.CHECKPOINT_SECONDS)
        self._pause = SECONDS_BETWEEN_CHECKPOINTS if asked is None else asked

    @property
    def active_seconds(self) -> float:
        """Seconds spent on this stage, summed over all its sessions."""
        return self._earlier_seconds + time.monotonic() - self._began

    def resume(self, state: Mapping[str, Stateful]) -> int:
        """Load the last checkpoint, if there is one, and return the epoch to go on with.

        Raises:
            KitError: the checkpoint is of another run or version.
        """
        # Made here, not in each epoch: a folder that was removed meanwhile must stay removed.
        self.history.parent.mkdir(parents=True, exist_ok=True)
        content = tensors.load(self.checkpoint) if self.checkpoint.exists() else None
        if content is not None and content["run"] != self.spec.id:
            raise KitError(f"{self.checkpoint} is of another run; remove it to start afresh")
        if content is None or content.get("configuration") != self.configuration:
            self._truncate_history(self._first_line())
            return 0
        for name, part in state.items():
            part.load_state_dict(content["state"][name])
        self._truncate_history(content["history"])
        self._earlier_seconds, self.sessions = content["seconds"], content["sessions"] + 1
        return int(content["epoch"])

    def begin_epoch(self, epoch: int) -> None:
        """Key torch's randomness (dropout, Gumbel noise) to the seed, the stage and the epoch."""
        torch.manual_seed(key(self.spec.seed, *self.stream, "epoch", epoch))

    def end_epoch(
        self,
        epoch: int,
        epochs: int,
        state: Mapping[str, Stateful],
        *,
        loss: Tensor | float,
        **values: Any,
    ) -> None:
        """Write the epoch's line of history and, now and then and at the end, a checkpoint.

        All tensors among the values come to the host in one transfer, together with the check that
        the weights of all networks and optimisers in the state are finite.

        Args:
            epoch: counted from 0.
            epochs: total number; after the last one a checkpoint is always written.
            state: what a resumed stage needs.
            loss: mean of the epoch.
            values: more entries of the history; those that are None are left out.

        Raises:
            DivergedError: the loss or a weight is not finite; the last checkpoint is kept.
        """
        values = {"loss": loss, **values}
        weights = _weights(state)
        numbers, finite = divergence.read(
            {name: value for name, value in values.items() if isinstance(value, Tensor)},
            [weight for _, weight in weights],
        )
        values |= numbers
        line = {"stage": self.name, "trial": self.trial, "epoch": epoch, **values}
        line["seconds"] = round(self.active_seconds, 3)
        with self.history.open("ab") as stream:
            # msgspec writes NaN and infinities as null.
            stream.write(msgspec.json.encode({k: v for k, v in line.items() if v is not None}))
            stream.write(b"\n")
        divergence.check(f"{self.name}, epoch {epoch + 1}", values["loss"], finite, weights)
        self.notify(epoch + 1, values["loss"])
        due = time.monotonic() - self._saved >= self._pause
        if due or epoch + 1 == epochs:
            self.save(epoch + 1, state)

    def remove_checkpoint(self) -> None:
        """Drop the checkpoint of a finished stage."""
        self.checkpoint.unlink(missing_ok=True)

    def save(self, epoch: int, state: Mapping[str, Stateful]) -> None:
        """Write a checkpoint; a resumed stage goes on with ``epoch``."""
        with self.history.open("rb+") as stream:
            os.fsync(stream.fileno())
        content = {
            "run": self.spec.id,
            "configuration": self.configuration,
            "epoch": epoch,
            "state": {name: part.state_dict() for name, part in state.items()},
            "history": self.history.stat().st_size,
            "seconds": self.active_seconds,
            "sessions": self.sessions,
        }
        tensors.save(self.checkpoint, content)
        self._saved = time.monotonic()

    def _first_line(self) -> int:
        """Return the offset in bytes of the first line that this stage has in the history."""
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


def _weights(state: Mapping[str, Stateful]) -> list[tuple[str, Tensor]]:
    """Return (name, parameter) of all networks and optimisers in a state, each parameter once."""
    weights: dict[int, tuple[str, Tensor]] = {}
    for part in state.values():
        if isinstance(part, nn.Module):
            weights |= {id(weight): (name, weight) for name, weight in part.named_parameters()}
    for name, part in state.items():
        if isinstance(part, torch.optim.Optimizer):
            for weight in (each for group in part.param_groups for each in group["params"]):
                weights.setdefault(id(weight), (f"a weight of {name}", weight))
    return list(weights.values())
