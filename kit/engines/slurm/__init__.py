"""Slurm: runs are tasks of its job arrays, where they are found and stopped.

``arrays`` makes the arrays and ``script`` their scripts, ``submission`` submits them, ``node``
supervises one run on the node that it was given. All that is known of a run is in its folder: where
it waits (``engine.json``, whose reference is ``JOB_INDEX``), how it stands and how it ended.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import msgspec

from kit.engines.slurm import client
from kit.errors import KitError
from kit.runs.folder import RunFolder, now
from kit.runs.records import Attempt, Failure
from kit.runs.states import RunState
from kit.spec import RunSpec

NAME = "slurm"
SECONDS_BETWEEN_LOOKS = 1.0
# States that a run can be in while Slurm still has it, as far as its folder tells.
AT_REST = ("queued", "stopped", "cancelled", "failed")


def reference_of(spec: RunSpec) -> str | None:
    """Return the task that a run was last submitted as, if it was."""
    attempt = RunFolder(spec).attempt()
    return attempt.reference if attempt is not None and attempt.engine == NAME else None


def note(spec: RunSpec, reference: str) -> None:
    """Write into a run's folder where in Slurm's queue it is."""
    folder = RunFolder(spec)
    folder.write_spec()
    folder.set_attempt(Attempt(engine=NAME, reference=reference, gpus=(), number=1, started=now()))


def stop(specs: Sequence[RunSpec]) -> int:
    """Cancel runs that wait or run, and return how many, when Slurm has let go of them.

    Between TERM and KILL Slurm waits for as long as the site has set.

    Raises:
        UnavailableError: there is no Slurm here.
    """
    queued = client.queued()
    mine = {reference: spec for spec in specs if (reference := reference_of(spec)) in queued}
    client.cancel(mine.keys())
    while mine.keys() & client.queued().keys():
        time.sleep(SECONDS_BETWEEN_LOOKS)
    for spec in mine.values():
        attempt = RunFolder(spec).attempt()
        if attempt is not None and attempt.ended is None:  # it had not begun
            close(spec, "cancelled", "taken out of Slurm's queue")
    return len(mine)


def close(spec: RunSpec, failure: Failure, message: str | None) -> None:
    """Note in a run's folder how its task in Slurm ended."""
    folder = RunFolder(spec)
    attempt = folder.attempt()
    assert attempt is not None
    changes = {"ended": now(), "failure": failure, "message": message}
    folder.set_attempt(msgspec.structs.replace(attempt, **changes))


def standing(runs: Sequence[RunState]) -> list[RunState]:
    """Return runs as they stand with what Slurm knows: which are in its queue, which have left it.

    Where there is no Slurm, as on another machine that sees the results, they stay as they are.
    """
    mine = [
        run for run in runs if run.state in AT_REST and run.attempt and run.attempt.engine == NAME
    ]
    if not mine:
        return list(runs)
    try:
        queued = client.queued_lately()
    except KitError:
        return list(runs)
    return [_standing(run, queued) if run in mine else run for run in runs]


def _standing(run: RunState, queued: dict[str, str]) -> RunState:
    assert run.attempt is not None
    reference = run.attempt.reference
    if reference in queued:
        return replace(run, state="queued", failure=None, message=None)
    if run.attempt.ended is None:
        message = f"Slurm's task {reference} is gone without a word"
        return replace(run, state="failed", failure="infrastructure", message=message)
    return run
