"""Running a plan and showing how it goes: a live table in a terminal, lines without one."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from kit.cli import states
from kit.cli.output import tell
from kit.columns import duration, plural
from kit.errors import plain

if TYPE_CHECKING:
    from rich.console import RenderableType

    from kit.engines.engine import Engine
    from kit.engines.jobs import Ended, Job, RetryPolicy
    from kit.engines.queue import Queue
    from kit.engines.slots import Slots

SECONDS_BETWEEN_PICTURES = 0.5


def run(jobs: Sequence[Job], engine: Engine, slots: Slots, policy: RetryPolicy) -> list[Ended]:
    """Run jobs with a display on standard error; returns those that failed."""
    from kit.engines.queue import Queue
    from kit.runs import tensorboard
    from kit.runs.folder import RunFolder
    from kit.runs.sweeps import PlannedHours, registered

    planned = [PlannedHours(str(job.spec.folder), job.hours, job.gpus) for job in jobs]
    at_a_time = min(slots.capacity, len(jobs))
    _log(f"{plural(len(jobs), 'run')}, {at_a_time} at a time")
    with ExitStack() as stack:
        stack.callback(engine.close)
        stack.enter_context(registered(engine.name, slots.capacity, planned))
        watch = stack.enter_context(_display())

        def ended(end: Ended) -> None:
            _ended(end)
            if tensorboard.wanted() and not end.elsewhere:
                with suppress(OSError):  # of a full disk a run may tell, but no sweep dies
                    tensorboard.write(RunFolder(end.spec).path)

        queue = Queue(jobs, engine, slots, policy, watch=watch, ended=ended, log=_log)
        ends = queue.run()
    failed = [end for end in ends if end.failure]
    if failed:
        classes = Counter(end.failure for end in failed)
        _log(", ".join(f"{count} failed ({name})" for name, count in sorted(classes.items())))
    return failed


def _ended(end: Ended) -> None:
    from kit.runs.folder import RunFolder

    if end.failure:
        how = f"FAILED ({end.failure}): {end.message} ({RunFolder(end.spec).log})"
    else:
        how = "done elsewhere" if end.elsewhere else "done"
    _log(f"{end.spec}: {how}" + ("" if end.elsewhere else f" after {end.seconds:.0f} s"))


def _log(line: str) -> None:
    tell(plain(line))


@contextmanager
def _display() -> Iterator[Callable[[Queue], None]]:
    """Yield what a queue calls many times a second."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.live import Live

    shown = float("-inf")
    with Live(
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,
        # Lines go above the table; but what is written to a file or a pipe belongs there.
        redirect_stdout=sys.stdout.isatty(),
    ) as live:

        def watch(queue: Queue) -> None:
            nonlocal shown
            if time.monotonic() - shown >= SECONDS_BETWEEN_PICTURES:
                shown = time.monotonic()
                live.update(_picture(queue), refresh=True)

        yield watch


def _lines() -> Callable[[Queue], None]:
    """Without a terminal: tell why GPUs stay idle, each time that it changes."""
    told: dict[str, str] = {}

    def watch(queue: Queue) -> None:
        now = dict(queue.slots.reasons) if queue.waiting else {}
        for uuid, reason in now.items():
            if told.get(uuid) != reason:
                _log(f"not used: {uuid}: {reason}")
        told.clear()
        told.update(now)

    return watch


def _picture(queue: Queue) -> RenderableType:
    from rich.console import Group

    from kit.runs.states import read_state

    running = [(read_state(run.job.spec.folder), queue.hours(run.job)) for run in queue.running]
    elsewhere = [
        (read_state(job.spec.folder), queue.hours(job)) for job in queue.elsewhere.values()
    ]
    rows = [states.row(run, hours) for run, hours in (*running, *elsewhere)]
    failed = sum(end.failure is not None for end in queue.done.values())
    parts = [
        f"{len(queue.done) - failed} done",
        f"{failed} failed" if failed else "",
        f"{len(queue.waiting)} waiting",
    ]
    waiting = [queue.hours(job) for job in queue.waiting.values()]
    ends = states.left_of_sweep(
        waiting, [states.left(run, hours) for run, hours in running], queue.slots.capacity
    )
    goes_on = bool(waiting or running)
    line = ", ".join(part for part in parts if part)
    idle = [f"{name} not used: {why}" for name, why in queue.slots.reasons.items()]
    return Group(
        states.table(rows),
        f"{line}; {duration(ends)} left" if ends is not None and goes_on else line,
        *(idle if queue.waiting else ()),
    )
