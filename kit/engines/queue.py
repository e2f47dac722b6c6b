"""The queue: which run goes where and when, and what becomes of it. Engines only start and stop.

Everything that matters is on disk and in locks, so a queue may be killed at any moment, and several
may work on one results folder. A queue holds a run's claim (``queue.lock``) from its start to its
end; the run itself holds ``run.lock`` and the leases of its GPUs. What a killed queue left running
is taken over.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from kit.columns import plural
from kit.engines.engine import BUSY, Engine, EngineError, Exit
from kit.engines.jobs import Ended, Job, RetryPolicy, Running, has_result, unfinished, why
from kit.engines.lengths import Lengths
from kit.engines.notes import Notes
from kit.engines.signals import InterruptCount, counted
from kit.engines.slots import Slots
from kit.engines.stop import stop_together
from kit.errors import KitError
from kit.runs.failures import classify
from kit.runs.folder import RunFolder, age
from kit.runs.records import Attempt, Failure
from kit.runs.states import has_failed

SECONDS_BETWEEN_POLLS = 0.02
SECONDS_BETWEEN_LOOKS = 0.5
SECONDS_AFTER_BUSY = (0.5, 60.0)


@dataclass
class Queue:
    """Jobs, an engine, and the slots where runs can go; ``run`` does them all.

    Attributes:
        jobs: in any order; those of an unknown length come last.
        watch: called with the queue many times a second, to show how it stands.
        ended: called once per run, when it is over.
        log: takes a line about anything else that happens, such as a retry.
        clock: in seconds; with ``sleep``, for simulations.
    """

    jobs: Sequence[Job]
    engine: Engine
    slots: Slots
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    watch: Callable[[Queue], None] = lambda _: None
    ended: Callable[[Ended], None] = lambda _: None
    log: Callable[[str], None] = lambda _: None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        check(self.jobs, self.slots)
        self.waiting = {job.id: job for job in self.jobs}
        self._ids = frozenset(self.waiting)
        self.running: list[Running] = []
        self.elsewhere: dict[str, Job] = {}
        self.done: dict[str, Ended] = {}
        self._tries: Counter[str] = Counter()
        self._busy: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}
        self._lengths = Lengths(self.jobs)
        self._notes = Notes(self.engine.name, self.log)
        self._looked = self.clock()
        self._sort()

    def run(self) -> list[Ended]:
        """Do all jobs and return how each ended. A failed one stops no other.

        Raises:
            KeyboardInterrupt: by Ctrl-C or TERM, after every run of this queue has been stopped;
                at once, and by KILL, if it comes twice.
        """
        with counted() as interrupts:
            try:
                for job in list(self.waiting.values()):
                    self._adopt(job)
                while self.waiting or self.running or self.elsewhere:
                    self._collect()
                    self._look_elsewhere()
                    started = self._fill()
                    self.watch(self)
                    if not started:
                        self.sleep(SECONDS_BETWEEN_POLLS)
                    if interrupts.value:
                        raise KeyboardInterrupt
            finally:
                self._stop_all(interrupts)
        return list(self.done.values())

    def hours(self, job: Job) -> float | None:
        """Return how many hours a job is expected to take; None where nothing tells."""
        alike = (self.seconds(run) for run in self.running if run.job.kind == job.kind)
        return self._lengths.hours(job, alike)

    def seconds(self, run: Running) -> float:
        """Return for how many seconds a run has been under way."""
        return self.clock() - run.began

    # Starting

    def _fill(self) -> bool:
        """Start the longest job that can go somewhere, if any."""
        # First, since this is called fifty times a second, and ten thousand runs may be waiting.
        if self.running and len(self.running) >= self.slots.capacity:
            return False
        full: set[tuple[str, int | None]] = set()
        for job in list(self.waiting.values()):
            needs = job.spec.task, job.memory
            if needs in full:
                continue
            if self._not_before.get(job.id, 0.0) > self.clock() or not self._has_inputs(job):
                continue
            uuids = self.slots.acquire(job)
            if uuids is None:
                if job.gpus > 1:  # shorter runs would take its GPUs one by one
                    return False
                full.add(needs)  # but others may go where this one cannot
                continue
            if self._start(job, uuids):
                return True
            self.slots.release(uuids)
        return False

    def _has_inputs(self, job: Job) -> bool:
        """Tell whether the runs that a job reads are done; if one has failed, the job ends, too."""
        for needed in job.spec.inputs.values():
            end = self.done.get(needed)
            if end is not None and end.failure:
                self._end(job, Ended(job.spec, "cancelled", f"needs {end.spec}, which failed"))
                return False
            if end is None and needed in self._ids:
                return False
        return True

    def _adopt(self, job: Job) -> None:
        """Take over a run that a killed queue left running, or leave it to who else has it."""
        folder = RunFolder(job.spec)
        if folder.is_running() or folder.is_claimed() or unfinished(folder.attempt()):
            # If the engine cannot tell now, it will be asked again before the start.
            with suppress(EngineError), self._claim(job) or ExitStack():
                pass

    def _claim(self, job: Job) -> ExitStack | None:
        """Claim a job that is to be started; None where it is done, or is run already.

        Raises:
            EngineError: the engine cannot tell whether it runs already.
        """
        folder = RunFolder(job.spec)
        with ExitStack() as claim:
            if not claim.enter_context(folder.claimed()):
                self._leave(job)
            elif has_result(folder):
                self._end(job, Ended(job.spec, elsewhere=True))
            elif (found := self._found(job, folder)) is not None:
                self.log(f"{job.spec}: found running")
                self.slots.reserve(found.attempt.gpus)
                found.claim = claim.pop_all()
                self._run(found)
            elif folder.is_running():
                self._leave(job)
            else:
                return claim.pop_all()
        return None

    def _found(self, job: Job, folder: RunFolder) -> Running | None:
        """Return what a killed queue left running of a job."""
        attempt = folder.attempt()
        known = attempt if unfinished(attempt) and attempt.engine == self.engine.name else None
        handle = self.engine.find(job.spec, known.reference if known else None)
        if handle is None:
            return None
        if known is None:  # killed before it could note what it had started
            known = self._note(job, handle.reference)
        began = self.clock() - (age(known.started) or 0.0)
        return Running(job, handle, known, began, adopted=True)

    def _start(self, job: Job, uuids: tuple[str, ...]) -> bool:
        """Start a job; False where its place is not used."""
        self._tries[job.id] += 1
        began, before = self.clock(), RunFolder(job.spec).status()
        with ExitStack() as claim:
            try:
                claimed = self._claim(job)
                if claimed is None:
                    self._tries[job.id] -= 1
                    return False
                claim.enter_context(claimed)
                handle = self.engine.start(job.spec, uuids)
            except (EngineError, KitError, OSError) as error:
                failure: Failure = "disk" if classify(error) == "disk" else "infrastructure"
                attempt = self._note(job, "", uuids)
                self._fail(job, attempt, None, failure, str(error), 0.0)
                return False
            attempt = self._note(job, handle.reference, uuids)
            run = Running(job, handle, attempt, began, claim.pop_all(), status_before=before)
        self._run(run)
        return True

    def _run(self, run: Running) -> None:
        del self.waiting[run.job.id]
        self.running.append(run)

    def _leave(self, job: Job) -> None:
        """Leave a job to another queue, or to a ``kit run``, that is at it."""
        del self.waiting[job.id]
        self.elsewhere[job.id] = job

    # Ending

    def _collect(self) -> None:
        """Take note of the runs that have ended, and stop those whose time is up."""
        for run in list(self.running):
            try:
                end = self.engine.poll(run.handle)
            except EngineError as error:
                end = Exit(None, infrastructure=str(error))
            if end is not None:
                self.running.remove(run)
                self.slots.release(run.attempt.gpus)
                self._settle(run, end)
                run.claim.close()
                self._sort()
            elif self.policy.timeout and self.seconds(run) > self.policy.timeout:
                self._time_out(run)

    def _settle(self, run: Running, end: Exit) -> None:
        """Decide what became of a run; a valid result is what counts."""
        job, folder = run.job, RunFolder(run.job.spec)
        if has_result(folder):
            self._notes.ended(job.spec, run.attempt, end.code)
            if not run.adopted:
                self._lengths.add(job, self.seconds(run))
            self._end(job, Ended(job.spec, seconds=self.seconds(run)))
        elif end.code == BUSY:
            taken = "its GPU or folder was taken"
            self._notes.ended(job.spec, run.attempt, end.code, message=taken)
            self._again_when_free(job)
        else:
            failure, line = why(run, end, self.seconds(run))
            self._fail(job, run.attempt, end.code, failure, line, self.seconds(run))

    def _fail(
        self,
        job: Job,
        attempt: Attempt,
        code: int | None,
        failure: Failure,
        line: str,
        seconds: float,
    ) -> None:
        """Note that an attempt failed; put the job back if the run is not to blame, else end it."""
        line = " ".join(line.split())
        self._notes.ended(job.spec, attempt, code, failure, line)
        if failure == "infrastructure" and self._tries[job.id] <= self.policy.retries:
            self.log(f"{job.spec}: {failure}: {line}; again in {self.policy.pause:.0f} s")
            self._put_back(job, self.policy.pause)
        else:
            self._end(job, Ended(job.spec, failure, line, seconds))

    def _again_when_free(self, job: Job) -> None:
        """Put back a job that lost its GPU or folder to another process; wait longer each time."""
        self._tries[job.id] -= 1
        self._busy[job.id] += 1
        first, longest = SECONDS_AFTER_BUSY
        self._put_back(job, min(longest, first * 2 ** (self._busy[job.id] - 1)))

    def _put_back(self, job: Job, seconds: float) -> None:
        self._not_before[job.id] = self.clock() + seconds
        self.waiting[job.id] = job
        self._sort()

    def _end(self, job: Job, end: Ended) -> None:
        self.waiting.pop(job.id, None)
        self.done[job.id] = end
        self.ended(end)

    def _time_out(self, run: Running) -> None:
        """Have a run stopped; again after a while, for the engine may have been away."""
        if run.timed_out is None or self.clock() - run.timed_out > 2 * self.policy.grace:
            run.timed_out = self.clock()
            words = (run.handle, self.policy.grace)
            threading.Thread(target=self.engine.stop, args=words, daemon=True).start()

    def _look_elsewhere(self) -> None:
        """See what became of the runs that others are at."""
        if self.clock() - self._looked < SECONDS_BETWEEN_LOOKS:
            return
        self._looked = self.clock()
        for job in list(self.elsewhere.values()):
            folder = RunFolder(job.spec)
            if folder.is_claimed() or folder.is_running():
                continue
            del self.elsewhere[job.id]
            attempt = folder.attempt()
            failed = attempt if attempt and has_failed(attempt, folder.status()) else None
            if has_result(folder):
                self._end(job, Ended(job.spec, elsewhere=True))
            elif failed and failed.failure != "infrastructure":
                self._end(job, Ended(job.spec, failed.failure, failed.message, elsewhere=True))
            else:
                self._put_back(job, 0.0)

    def _stop_all(self, interrupts: InterruptCount) -> None:
        """Stop what is under way."""
        if not self.running:
            return
        with suppress(OSError):  # whoever reads what is told may be gone, and be why all stops
            self.log(f"stopping {plural(len(self.running), 'run')}; Ctrl-C once more kills them")
        handles = [run.handle for run in self.running]
        stop_together(self.engine, handles, self.policy.grace, interrupts)
        for run in self.running:
            self._notes.ended(run.job.spec, run.attempt, message="the sweep was stopped")
            run.claim.close()
        self.running.clear()

    def _note(self, job: Job, reference: str, uuids: tuple[str, ...] = ()) -> Attempt:
        return self._notes.started(job.spec, max(1, self._tries[job.id]), reference, uuids)

    def _sort(self) -> None:
        self.waiting = dict(
            sorted(self.waiting.items(), key=lambda item: -(self.hours(item[1]) or 0.0))
        )


def check(jobs: Sequence[Job], slots: Slots) -> None:
    """Refuse jobs if one of them can never go anywhere.

    Raises:
        KitError: saying which, and what it needs.
    """
    for job in jobs:
        if (reason := slots.rejection(job)) is not None:
            raise KitError(f"{job.spec} {reason}")
