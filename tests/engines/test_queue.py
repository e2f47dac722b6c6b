"""The queue with real processes, real locks and stand-in GPUs; the runs themselves are made up."""

from __future__ import annotations

import resource
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from kit.engines import leases
from kit.engines.devices import GIB
from kit.engines.engine import EngineError, Exit, Handle, SweepOptions
from kit.engines.jobs import Job, RetryPolicy, Running, why
from kit.engines.queue import Queue
from kit.engines.slots import Cpu, Gpus
from kit.errors import KitError
from kit.runs.folder import RunFolder
from kit.spec import RunSpec
from tests.engines.chaos import FakeLocal
from tests.engines.fake_run import attempt
from tests.engines.nvml import FakeGpus
from tests.engines.sweep import Sweep, jobs, spec

Make = Callable[..., FakeGpus]


def spans(lines: Sequence[dict[str, Any]], uuid: str) -> list[tuple[float, float]]:
    """When a GPU was in use, from the lines that runs wrote."""
    begins = {line["pid"]: line["time"] for line in lines if line["what"] == "begin"}
    ends = [line for line in lines if line["what"] == "end" and uuid in line["gpus"]]
    return sorted((begins[line["pid"]], line["time"]) for line in ends)


def test_more_runs_than_gpus(sweep: Sweep, fake_gpus: Make) -> None:
    """No GPU carries two at a time, none is idle, the longest goes first, none is left out."""
    fake = fake_gpus(3)
    sweep.plan(seconds=0.1)
    ends = sweep.run(jobs(9), Gpus(fake.uuids))
    assert sorted(ends) == list(range(9))
    assert not any(end.failure for end in ends.values())
    assert set(sweep.begun().values()) == {1}
    for uuid in fake.uuids:
        used = spans(sweep.lines, uuid)
        assert len(used) >= 2
        assert all(end <= begin for (_, end), (begin, _) in pairwise(used))
    first = [line["seed"] for line in sweep.lines if line["what"] == "begin"][:3]
    assert set(first) == {0, 1, 2}
    attempt = RunFolder(spec(0)).attempt()
    assert attempt is not None
    assert (attempt.code, attempt.failure, attempt.number) == (0, None, 1)
    assert attempt.gpus[0] in fake.uuids
    assert not list(RunFolder(spec(0)).path.glob("*.lock"))


def test_each_kind_of_failure_has_its_class_and_stops_no_other(sweep: Sweep) -> None:
    acts = {
        "fail": "method",
        "killed": "infrastructure",
        "crash": "method",
        "gpu-oom": "gpu-oom",
        "no-memory": "oom",
        "disk": "disk",
        "mute": "infrastructure",
    }
    sweep.plan(acts=dict(enumerate(acts)))
    ends = sweep.run(jobs(len(acts) + 1), Cpu(4))
    assert [ends[seed].failure for seed in range(len(acts))] == list(acts.values())
    assert ends[len(acts)].failure is None
    assert ends[0].message == "loss is NaN"
    assert "SIGSEGV" in (ends[2].message or "")
    begun = sweep.begun()
    assert {act: begun[seed] for seed, act in enumerate(acts)} == {
        **dict.fromkeys(acts, 1),
        "killed": 2,
        "mute": 2,
    }


def test_where_nothing_can_be_written_the_disk_is_to_blame(sweep: Sweep) -> None:
    """A run that could write neither its status nor its log, and has ended as if for a mistake."""
    folder = RunFolder(spec(0))
    folder.write_spec()
    run = Running(Job(spec(0)), Handle(spec(0), ""), attempt(), 0.0)
    assert why(run, Exit(2), 1.0) == ("method", "exit code 2: it printed nothing")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        failure, line = why(run, Exit(2), 1.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert failure == "disk"
    assert f"{folder.path}: File too large" in line


def test_a_run_whose_folder_is_removed_says_so_and_is_not_to_blame(sweep: Sweep) -> None:
    def watch(queue: Queue) -> None:
        if sweep.begun():
            shutil.rmtree(RunFolder(spec(0)).path, ignore_errors=True)

    sweep.plan(seconds=0.3, acts={0: "crash"})
    ends = sweep.run(jobs(1), Cpu(1), watch=watch)
    assert ends[0].failure == "cancelled"
    assert "was moved or removed while it was at work" in str(ends[0].message)


def test_infrastructure_is_tried_once_more_after_a_pause(sweep: Sweep) -> None:
    sweep.plan(acts={0: "once"})
    ends = sweep.run(jobs(1), Cpu(1), policy=RetryPolicy(pause=0.5))
    assert ends[0].failure is None
    begins = [line["time"] for line in sweep.lines if line["what"] == "begin"]
    assert begins[1] - begins[0] >= 0.5
    assert "again in" in sweep.logged[0]
    attempt = RunFolder(spec(0)).attempt()
    assert attempt is not None
    assert attempt.number == 2


def test_an_engine_at_fault_is_infrastructure(sweep: Sweep) -> None:
    class Broken(FakeLocal):
        def start(self, spec: RunSpec, gpus: tuple[str, ...]) -> Handle:
            if spec.seed == 0:
                raise EngineError("the daemon is gone")
            return super().start(spec, gpus)

        def find(self, spec: RunSpec, reference: str | None) -> Handle | None:
            if spec.seed == 1:
                raise EngineError("no answer")
            return super().find(spec, reference)

    ends = sweep.run(jobs(3), Cpu(1), engine=Broken(SweepOptions()))
    assert (ends[0].failure, ends[0].message) == ("infrastructure", "the daemon is gone")
    assert (ends[1].failure, ends[1].message) == ("infrastructure", "no answer")
    assert ends[2].failure is None
    assert len(sweep.logged) == 2, "each was tried once more"
    assert not any(RunFolder(spec(seed)).is_claimed() for seed in range(3))


def test_a_run_whose_time_is_up_is_stopped_even_if_it_takes_no_notice(sweep: Sweep) -> None:
    sweep.plan(acts={0: "hang"})
    began = time.monotonic()
    ends = sweep.run(jobs(2), Cpu(2), policy=RetryPolicy(timeout=1.5, grace=0.5))
    assert time.monotonic() - began < 10
    assert ends[0].failure == "timeout"
    assert ends[1].failure is None


def test_a_run_whose_time_is_up_is_stopped_even_if_the_engine_was_away(sweep: Sweep) -> None:
    class Away(FakeLocal):
        asked = 0

        def stop(self, handle: Handle, grace: float) -> None:
            self.asked += 1
            if self.asked > 1:
                super().stop(handle, grace)

    sweep.plan(long={0: 20.0})
    engine, began = Away(SweepOptions()), time.monotonic()
    policy = RetryPolicy(timeout=0.2, grace=0.1)
    ends = sweep.run(jobs(1), Cpu(1), engine=engine, policy=policy)
    assert time.monotonic() - began < 10
    assert ends[0].failure == "timeout"
    assert engine.asked > 1


def test_a_gpu_that_is_busy_or_gone_gets_no_run_and_the_reason_is_told(
    sweep: Sweep, fake_gpus: Make
) -> None:
    fake = fake_gpus(3)
    fake.pids[fake.uuids[0]] = [4711]
    fake.lost.add(fake.uuids[1])
    fake.write()
    reasons: dict[str, str] = {}
    ends = sweep.run(
        jobs(3), Gpus(fake.uuids), watch=lambda queue: reasons.update(queue.slots.reasons)
    )
    assert len(ends) == 3
    assert {line["gpus"][0] for line in sweep.lines} == {fake.uuids[2]}
    assert "process 4711" in reasons[fake.uuids[0]]
    assert "gone" in reasons[fake.uuids[1]]


def test_a_gpu_that_another_was_quicker_to_lease_is_waited_for(
    sweep: Sweep, fake_gpus: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue is made to believe that the GPU is free; the run itself finds that it is not."""

    fake = fake_gpus(1)
    believed = leases.Free(tuple(fake.uuids), {})
    monkeypatch.setattr(leases, "free", lambda *_: believed)
    with leases.lease(1, 0):
        timer = threading.Timer(1.5, monkeypatch.undo)
        queue = sweep.queue(jobs(1), Gpus(fake.uuids))
        seen: list[int | None] = []

        def watch(queue: Queue) -> None:
            attempt = RunFolder(spec(0)).attempt()
            if attempt is not None and attempt.ended:
                seen.append(attempt.code)
                raise KeyboardInterrupt

        queue.watch = watch
        with pytest.raises(KeyboardInterrupt):
            queue.run()
        timer.cancel()
    assert seen == [75]
    assert list(queue.waiting) == [spec(0).id]
    assert not sweep.begun()
    assert sweep.run(jobs(1), Gpus(fake.uuids))[0].failure is None


def two_at_once(sweep: Sweep, folder: Path) -> Callable[[Queue], None]:
    """Let no run end before two have begun; returns what watches the queue."""
    hold = folder / "hold"
    hold.touch()
    sweep.plan(hold=str(hold))

    def watch(queue: Queue) -> None:
        del queue
        if len(sweep.begun()) == 2:
            hold.unlink(missing_ok=True)

    return watch


def test_runs_that_share_a_gpu(sweep: Sweep, fake_gpus: Make, tmp_path: Path) -> None:
    fake, release = fake_gpus(1), two_at_once(sweep, tmp_path)
    engine = FakeLocal(SweepOptions(jobs_per_gpu=2))
    most = [0]

    def watch(queue: Queue) -> None:
        most[0] = max(most[0], len(queue.running))
        release(queue)

    sweep.run(jobs(4), Gpus(fake.uuids, share=2), engine=engine, watch=watch)
    assert most == [2]
    times = sorted((line["time"], line["what"]) for line in sweep.lines)
    at_once = 0
    for _, what in times:
        at_once += 1 if what == "begin" else -1
        assert at_once <= 2
    assert [what for _, what in times[:2]] == ["begin", "begin"]


def test_a_run_of_several_gpus_is_not_starved_by_runs_of_one(sweep: Sweep, fake_gpus: Make) -> None:
    fake = fake_gpus(2)
    sweep.plan(seconds=0.2)
    of_one = [Job(spec(seed), hours=1.0) for seed in range(6)]
    queue = sweep.queue([Job(spec(9), hours=1.5, gpus=2), *of_one], Gpus(fake.uuids))
    given: dict[int, tuple[str, ...]] = {}
    start = queue.engine.start

    def noted(spec: RunSpec, gpus: tuple[str, ...]) -> Handle:
        given[spec.seed] = gpus
        return start(spec, gpus)

    queue.engine.start = noted  # type: ignore[method-assign]
    # One GPU is in use by somebody else for a while, as the wide run's turn comes.
    fake.pids[fake.uuids[0]] = [4711]
    fake.write()

    def watch(queue: Queue) -> None:
        if fake.pids and queue.slots.reasons:
            assert not given, "runs of one GPU wait behind it"
            fake.pids.clear()
            fake.write()

    queue.watch = watch
    assert not any(end.failure for end in queue.run())
    assert next(iter(given)) == 9
    assert set(given[9]) == set(fake.uuids)


def test_more_gpus_than_there_are_is_refused(fake_gpus: Make) -> None:
    fake = fake_gpus(2)
    with pytest.raises(KitError, match="needs 3 GPUs; here 2"):
        Queue([Job(spec(0), gpus=3)], FakeLocal(SweepOptions()), Gpus(fake.uuids))


def test_runs_that_few_gpus_can_hold_keep_no_others_waiting(
    sweep: Sweep, fake_gpus: Make, tmp_path: Path
) -> None:
    fake = fake_gpus(2)
    fake.file.write_text(fake.file.read_text().replace("16000", "40960", 1))
    large = [Job(spec(seed), hours=9.0, memory=20 * GIB) for seed in range(3)]
    small = [Job(spec(seed), hours=1.0) for seed in range(3, 6)]
    sweep.run([*large, *small], Gpus(fake.uuids), watch=two_at_once(sweep, tmp_path))
    began = [line for line in sweep.lines if line["what"] == "begin"]
    assert {line["seed"] for line in began[:2]} == {0, 3}
    assert {line["gpus"][0] for line in began if line["seed"] < 3} == {fake.uuids[0]}
    with pytest.raises(KitError, match="needs 41 GiB of GPU memory"):
        sweep.queue([Job(spec(0), memory=41 * GIB)], Gpus(fake.uuids))


def test_what_a_run_reads_is_run_first_and_without_it_nothing(sweep: Sweep) -> None:
    import msgspec

    def after(seed: int, needed: int) -> Job:
        changed = msgspec.structs.replace(spec(seed), inputs={"net": spec(needed).id})
        return Job(changed, hours=99.0)

    sweep.plan(acts={1: "fail"})
    queue = sweep.queue([after(5, 0), after(6, 1), *jobs(2)], Cpu(2))
    # The stand-in makes the spec anew, without inputs: it is enough that it is started at all.
    started: list[tuple[int, bool]] = []
    start = queue.engine.start

    def noted(spec: RunSpec, gpus: tuple[str, ...]) -> Handle:
        started.append((spec.seed, RunFolder(jobs(1)[0].spec).result.exists()))
        return start(spec, gpus)

    queue.engine.start = noted  # type: ignore[method-assign]
    queue.run()
    assert {seed for seed, _ in started[:2]} == {0, 1}
    assert (5, True) in started
    assert 6 not in {seed for seed, _ in started}
    assert "needs darcy-flow wrn seed 1" in (queue.done[after(6, 1).id].message or "")
