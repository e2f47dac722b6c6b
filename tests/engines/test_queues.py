"""Several queues on one results folder, and one that is killed or told to stop."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import accumulate
from typing import Any

import pytest

from kit.engines import leases
from kit.engines.queue import Queue
from kit.engines.slots import Cpu
from kit.errors import BusyError
from kit.files import is_locked
from kit.runs.folder import RunFolder
from tests.engines.fake_run import STARTED, attempt
from tests.engines.sweep import QUICK, Sweep, jobs, spec, supervisor


def at_a_time(lines: Sequence[dict[str, Any]]) -> int:
    """How many runs there were at most between their begin and end."""
    steps = sorted((line["time"], 1 if line["what"] == "begin" else -1) for line in lines)
    return max(accumulate(step for _, step in steps))


def test_two_sweeps_start_no_more_runs_than_there_are_cores(sweep: Sweep) -> None:
    sweep.plan(seconds=0.4)
    others = [supervisor(8, cores=2), supervisor(8, cores=2)]
    assert [other.wait(60) for other in others] == [0, 0]
    assert sweep.begun() == dict.fromkeys(range(8), 1)
    assert at_a_time(sweep.lines) == 2


def test_a_core_is_one_runs() -> None:
    with leases.core(1, timeout=0.0):
        with pytest.raises(BusyError, match="runs have all 1"), leases.core(1, timeout=0.0):
            pass
        with leases.core(2, timeout=0.0):
            assert leases.free_cores(3) == 1


def test_two_queues_share_the_work_and_do_nothing_twice(sweep: Sweep) -> None:
    sweep.plan(seconds=0.2)
    others = [supervisor(8), supervisor(8)]
    assert [other.wait(60) for other in others] == [0, 0]
    assert sweep.begun() == dict.fromkeys(range(8), 1)


def test_what_a_killed_queue_left_running_is_taken_over(sweep: Sweep) -> None:
    sweep.plan(long={0: 3.0, 1: 3.0})
    killed = supervisor(3)
    while len(sweep.begun()) < 2:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    ends = sweep.run(jobs(3), Cpu(2))
    assert [end.failure for end in ends.values()] == [None] * 3
    assert sweep.logged.count(f"{spec(0)}: found running") == 1
    assert sweep.begun() == {0: 1, 1: 1, 2: 1}


def test_a_queue_whose_reader_is_gone_leaves_no_run_behind(sweep: Sweep) -> None:
    def log(line: str) -> None:
        raise BrokenPipeError

    def watch(queue: Queue) -> None:
        if len(sweep.begun()) == 2:
            log("not used: a GPU")

    sweep.plan(long={0: 20.0, 1: 20.0})
    with pytest.raises(BrokenPipeError):
        sweep.run(jobs(2), Cpu(2), log=log, watch=watch)
    assert [line["what"] for line in sweep.lines].count("stop") == 2


def test_a_failure_before_a_runs_last_word_decides_nothing(sweep: Sweep) -> None:
    folder = RunFolder(spec(0))
    with ExitStack() as by_hand:
        by_hand.enter_context(folder.opened())
        folder.set_attempt(attempt(STARTED, "oom"))

        def interrupt(queue: Queue) -> None:
            if queue.elsewhere:
                folder.set_status("cancelled", message="interrupted")
                by_hand.close()

        ends = sweep.run(jobs(1), Cpu(1), watch=interrupt)
    assert ends[0].failure is None
    assert sweep.begun() == {0: 1}


def test_ctrl_c_stops_what_a_killed_queue_left_running(sweep: Sweep) -> None:
    sweep.plan(long={0: 60.0})
    killed = supervisor(1)
    while not sweep.begun():
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    queue = sweep.queue(jobs(1), Cpu(1))
    queue.watch = lambda _: os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        queue.run()
    assert not RunFolder(spec(0)).is_running()
    status = RunFolder(spec(0)).status()
    assert status is not None
    assert status.state == "cancelled"


@pytest.mark.parametrize(("number", "times"), [("SIGINT", 1), ("SIGTERM", 1), ("SIGINT", 2)])
def test_ctrl_c_once_waits_for_the_grace_twice_does_not(
    sweep: Sweep, number: str, times: int
) -> None:
    """Of two runs, one goes when told to, the other takes no notice of TERM."""
    sweep.plan(long={0: 60.0}, acts={1: "hang"})
    process = supervisor(2)
    while len(sweep.begun()) < 2:
        time.sleep(0.02)
    began = time.monotonic()
    process.send_signal(getattr(signal, number))
    if times == 2:
        time.sleep(0.3)
        process.send_signal(getattr(signal, number))
    process.wait(30)
    took = time.monotonic() - began
    assert (took >= QUICK.grace) == (times == 1)
    for seed in (0, 1):
        assert not is_locked(RunFolder(spec(seed)).lock)
    status = RunFolder(spec(0)).status()
    assert status is not None
    assert status.state == "cancelled"
    # And the same again finishes them.
    sweep.plan()
    assert not any(end.failure for end in sweep.run(jobs(2), Cpu(2)).values())
