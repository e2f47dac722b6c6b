"""Where runs stand, from files that may be out of date, and from locks, which never are."""

from __future__ import annotations

import tempfile
import time

import msgspec
import pytest

from kit.cli import states
from kit.files import locked
from kit.runs import sweeps
from kit.runs.folder import RunFolder, age
from kit.runs.states import RunState, read_state, read_states
from tests.engines.fake_run import STARTED, attempt, made_up, spec_of

SPEC = spec_of("darcy-flow", "wrn", 0)
EARLY, LATE = STARTED, "2090-01-01T00:00:00+00:00"


@pytest.fixture
def folder() -> RunFolder:
    folder = RunFolder(SPEC)
    folder.path.mkdir(parents=True)
    return folder


def state() -> RunState:
    return read_state(SPEC.folder)


def test_names_come_from_the_path() -> None:
    run = read_state(SPEC.folder)
    assert run.state == "queued"
    assert (run.task, run.method, run.kind, run.seed) == ("darcy-flow", "wrn", "smoke-clean", 0)
    assert SPEC.id.startswith(run.id)
    assert str(run) == str(SPEC)


@pytest.mark.parametrize(
    "moment", ["yesterday", "2026-13-01T00:00:00+00:00", "2026-12-01T00:00:00"]
)
def test_a_moment_that_is_none_is_not_known(moment: str, folder: RunFolder) -> None:
    """Of a file that somebody wrote, or that is damaged."""
    assert age(moment) is None
    folder.set_attempt(msgspec.structs.replace(attempt(), started=moment))
    assert states.elapsed(state()) is None
    assert states.row(state(), hours=1.0)


def test_a_moment_to_come_is_now() -> None:
    """As after a clock was put back."""
    assert age(LATE) == 0.0


def test_a_run_is_running_while_its_lock_is_held_and_only_then(folder: RunFolder) -> None:
    with folder.opened():
        folder.set_status("running", stage="train")
        assert state().state == "running"
    assert state().state == "stopped"
    with folder.claimed():
        assert state().state == "starting"


def test_what_failed_says_why_and_the_last_word_counts(folder: RunFolder) -> None:
    folder.set_status("failed", failure="disk", message="full")
    assert (state().state, state().failure, state().message) == ("failed", "disk", "full")
    folder.set_status("running", stage="train")
    folder.set_attempt(attempt(LATE, "infrastructure"))
    assert (state().state, state().failure) == ("failed", "infrastructure")
    folder.set_attempt(attempt(EARLY, "infrastructure"))
    assert state().state == "stopped", "it has run since"
    folder.set_attempt(attempt(LATE, "cancelled"))
    assert state().state == "cancelled"
    folder.set_attempt(attempt())
    folder.set_status("cancelled")
    assert state().state == "cancelled"
    folder.result.write_bytes(msgspec.json.encode(made_up(SPEC, ())))
    assert state().state == "succeeded"


@pytest.mark.parametrize("content", [b'{"state": "runn', b'{"state": "run\xffning"}'])
def test_damaged_files_are_as_good_as_none(content: bytes, folder: RunFolder) -> None:
    for name in ("status.json", "engine.json"):
        (folder.path / name).write_bytes(content)
    assert state().state == "queued"


def test_a_result_that_cannot_be_read_is_none(folder: RunFolder) -> None:
    folder.set_status("succeeded")
    folder.result.write_bytes(b"{")
    assert state().state == "stopped"
    assert str(state().message).startswith("no valid result: ")


def test_a_thousand_runs_are_looked_through_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as results:
        monkeypatch.setenv("KIT_RESULTS", results)
        _make_a_thousand()
        began = time.process_time()
        assert len(read_states()) == 1000
        # The target is half a second for the whole command, most of which this is.
        assert time.process_time() - began < 1.0


def _make_a_thousand() -> None:
    result = msgspec.json.encode(made_up(SPEC, ()))
    for seed in range(1000):
        spec = msgspec.structs.replace(SPEC, seed=seed)
        folder = RunFolder(spec)
        folder.path.mkdir(parents=True)
        (folder.path / "status.json").write_bytes(
            b'{"state":"succeeded","heartbeat":"2026-01-01T00:00:00+00:00","pid":1}'
        )
        (folder.path / "engine.json").write_bytes(msgspec.json.encode(attempt(LATE)))
        (folder.path / "result.json").write_bytes(result)


def test_a_sweep_is_known_while_it_lives_and_what_a_killed_one_left_is_removed() -> None:
    runs = [sweeps.PlannedHours(str(SPEC.folder), 1.5)]
    folder = RunFolder(SPEC)
    with sweeps.registered("local", 2, runs):
        (sweep,) = sweeps.live()
        assert (sweep.engine, sweep.places, sweep.runs) == ("local", 2, tuple(runs))
    assert sweeps.live() == []
    home = sweeps.lock(1).parent
    assert list(home.iterdir()) == []
    # Killed at any moment: with all of its files, or with one of them.
    for left in ("1.json", "1.lock", ".1.json.abc.tmp", "2.json", "3.lock", ".4.json.abc.tmp"):
        (home / left).touch()
    folder.path.mkdir(parents=True)
    for left in ("queue.lock", ".engine.json.abc.tmp"):
        (folder.path / left).touch()
    assert sweeps.live() == []
    with sweeps.registered("local", 2, runs), sweeps.registered("ray", 3, runs):
        (sweep,) = sweeps.live()
        assert sweep.engine == "local", "of two with one number the first is shown"
    assert sweeps.live() == []
    with locked(folder.lock), sweeps.registered("local", 2, runs):
        assert len(sweeps.live()) == 1
        assert [file.name for file in folder.path.iterdir()] == ["run.lock"]
    assert list(home.iterdir()) == []
