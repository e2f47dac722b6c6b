"""What a queue notes in a run's folder (``engine.json``): how the run was started and how it ended.

The queue that comes after a kill finds there what is left running.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from kit.runs.folder import RunFolder, now
from kit.runs.records import Attempt, Failure
from kit.spec import RunSpec


class Notes:
    """Writes the attempts of one queue.

    Args:
        engine: its name.
        log: takes a line where a note cannot be written: a full disk must not end the sweep, too.
    """

    def __init__(self, engine: str, log: Callable[[str], None]) -> None:
        self._engine, self._log = engine, log

    def started(
        self, spec: RunSpec, number: int, reference: str, gpus: tuple[str, ...] = ()
    ) -> Attempt:
        """Note the attempt of this number, counted from 1, and return it.

        Args:
            spec: of the run.
            number: of the attempt.
            reference: what the engine finds the run by; empty where it could not be started.
            gpus: UUIDs of those that it was started on.
        """
        attempt = Attempt(
            engine=self._engine, reference=reference, gpus=gpus, number=number, started=now()
        )
        self._write(spec, attempt)
        return attempt

    def ended(
        self,
        spec: RunSpec,
        attempt: Attempt,
        code: int | None = None,
        failure: Failure | None = None,
        message: str | None = None,
    ) -> None:
        """Note how an attempt ended.

        Args:
            spec: of the run.
            attempt: as it was started.
            code: of its process, if that is known.
            failure: its class; None without one.
            message: a line about it.
        """
        changes = {"ended": now(), "code": code, "failure": failure, "message": message}
        self._write(spec, msgspec.structs.replace(attempt, **changes))

    def _write(self, spec: RunSpec, attempt: Attempt) -> None:
        try:
            RunFolder(spec).set_attempt(attempt)
        except OSError as error:
            self._log(f"{spec}: {error}")
