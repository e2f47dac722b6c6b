"""Runs as rows."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from kit.cli import states
from kit.columns import duration
from kit.runs.folder import now
from kit.runs.records import Attempt, Status
from kit.runs.states import RunState

FOLDER = Path("darcy-flow", "dash", "lite-released", "seed-2-0123abcd")


def attempt(started: str) -> Attempt:
    gpus = ("GPU-01234567-89ab",)
    return Attempt(engine="local", reference="1:1", gpus=gpus, number=1, started=started)


def running(started: str) -> RunState:
    status = Status(
        state="running", heartbeat=now(), pid=1, stage="search", epoch=3, epochs=8, loss=0.12345
    )
    return RunState(FOLDER, "running", status, attempt(started))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0.4, "0 s"), (99.4, "99 s"), (100, "2 min"), (5400, "90 min"), (36000, "10 h")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_a_run_under_way() -> None:
    row = states.row(running("2020-01-01T00:00:00+00:00"), 1.0)
    assert row[:6] == ("darcy-flow/dash/2", "lite-released", "running", "search", "3/8", "0.1235")
    assert row[7:] == ("0 s", "GPU-01234567")
    assert "took" in states.text([row])


def test_a_clock_that_was_put_back_makes_no_time_negative() -> None:
    run = running("2099-01-01T00:00:00+00:00")
    assert states.elapsed(run) == 0.0
    assert states.left(run, 2.0) == 7200.0
    assert states.left(run, None) is None


def test_what_a_sweep_still_takes() -> None:
    assert states.left_of_sweep([1.0, 0.5], [600.0], 2) == 3600.0
    assert states.left_of_sweep([1.0, 0.5], [600.0], 1) == 600.0 + 5400.0
    assert states.left_of_sweep([], [], 3) == 0.0
    for waiting, under_way in (([1.0, None], [600.0]), ([1.0], [600.0, None])):
        assert states.left_of_sweep(waiting, under_way, 2) is None


def test_a_failed_run_says_why() -> None:
    run = RunState(FOLDER, "failed", None, None, "gpu-oom", "CUDA out of memory")
    row = states.row(run, None)
    assert row[2] == "failed (gpu-oom)"
    assert row[-1] == "CUDA out of memory"
    assert states.values(run, None)["failure"] == "gpu-oom"


@pytest.mark.parametrize("width", [80, 100, 200])
def test_heads_are_whole_in_a_narrow_terminal(width: int) -> None:
    row = states.row(running("2020-01-01T00:00:00+00:00"), 1.0)
    screen = io.StringIO()
    Console(width=width, file=screen).print(states.table([row] * 3))
    head = screen.getvalue().splitlines()[0]
    assert tuple(head.split()) == states.COLUMNS
