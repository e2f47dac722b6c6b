"""Events as TensorBoard reads them."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from tensorboardX.proto.event_pb2 import Event

from kit.cli import sweep
from kit.engines.jobs import Ended, Job, RetryPolicy
from kit.errors import KitError
from kit.files import locked
from kit.runs import history
from kit.runs.folder import RunFolder
from kit.runs.tensorboard import events
from tests.conftest import Run
from tests.made_runs import make_run


def recorded(folder: Path) -> list[tuple[str, int, float]]:
    """Read (tag, step, value) from the only file of events: records of length, sum, data, sum."""
    (file,) = (folder / "tensorboard").iterdir()
    content, found, start = file.read_bytes(), [], 0
    while start < len(content):
        length = int.from_bytes(content[start : start + 8], "little")
        event = Event.FromString(content[start + 12 : start + 12 + length])
        found += [(v.tag, event.step, v.simple_value) for v in event.summary.value]
        start += 16 + length
    return found


def write(folder: Path, *losses: float) -> None:
    lines = [{"stage": "train", "epoch": n, "loss": x, "seconds": 1} for n, x in enumerate(losses)]
    (folder / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_each_number_is_an_event_once(tmp_path: Path) -> None:
    with events(tmp_path) as update:
        assert list(tmp_path.iterdir()) == []
        write(tmp_path, 3.0)
        update()
        write(tmp_path, 3.0, float("nan"), 2.0)
        update()
        update()
    tags, steps, values = zip(*recorded(tmp_path), strict=True)
    assert tags == ("train/loss",) * 3
    assert steps == (1, 2, 3)
    assert values[::2] == (3.0, 2.0)


def test_what_a_resumed_run_takes_back_is_taken_back(tmp_path: Path) -> None:
    for losses in ((3.0, 2.0, 1.0), (3.0, 2.5)):
        with events(tmp_path) as update:
            write(tmp_path, *losses)
            update()
    assert [value for _, _, value in recorded(tmp_path)] == [3.0, 2.5]
    with events(tmp_path) as update:
        write(tmp_path, 3.0, 2.0)
        update()
        write(tmp_path, 3.0, 1.5)
    assert [value for _, _, value in recorded(tmp_path)] == [3.0, 1.5]


def test_numbers_of_trials_and_of_other_forms_are_left_out(tmp_path: Path) -> None:
    lines = [
        {"stage": "tune", "trial": 0, "epoch": 0, "loss": 1.0},
        {"stage": 1, "epoch": 0, "loss": 1.0},
        {"stage": "train", "epoch": "x", "loss": 1.0},
        ["no", "object"],
        {"stage": "train", "epoch": 0, "loss": 0.5, "alpha": [[1.0]], "why": "x"},
    ]
    (tmp_path / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert list(history.scalars(tmp_path)) == [("train", "loss", 1, 0.5)]


def test_null_is_no_number(tmp_path: Path) -> None:
    with events(tmp_path) as update:
        (tmp_path / "history.jsonl").write_text('{"stage": "train", "epoch": 0, "loss": null}\n')
        update()
    ((name, step, value),) = recorded(tmp_path)
    assert (name, step, value == value) == ("train/loss", 1, False)


def test_events_of_runs_that_are_over(kit: Run) -> None:
    over, at_work = RunFolder(make_run(seed=0).spec), RunFolder(make_run(seed=1).spec)
    with locked(at_work.lock):
        done = kit("results", "export", "--tensorboard")
    assert done.stdout.endswith("runs: events of 1 run\n"), done.stderr
    assert [step for name, step, _ in recorded(over.path) if name == "search/loss"] == [1, 2, 3]
    assert not (at_work.path / "tensorboard").exists()
    for words in ((), ("--mlflow", "")):
        told = kit("results", "export", *words).stderr
        assert told == "kit: export to what? --mlflow URI, or --tensorboard\n"


@pytest.mark.parametrize("full", [False, True])
def test_a_sweep_writes_those_of_a_run_that_is_over_and_outlives_a_full_disk(
    full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    if full:
        monkeypatch.setattr("kit.runs.tensorboard.write", refuse)
    monkeypatch.setenv("KIT_TENSORBOARD", "1")
    folder = RunFolder(make_run().spec)

    class Queue:
        def __init__(self, *_: object, ended: Callable[[Ended], None], **__: object) -> None:
            self.ended = ended

        def run(self) -> list[Ended]:
            end = Ended(folder.spec)
            self.ended(end)
            return [end]

    monkeypatch.setattr("kit.engines.queue.Queue", Queue)
    engine = SimpleNamespace(name="docker", close=lambda: None)
    slots = SimpleNamespace(capacity=1)
    assert sweep.run([Job(folder.spec)], engine, slots, RetryPolicy()) == []
    assert (folder.path / "tensorboard").exists() is not full


def test_without_the_library_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tensorboardX", None)
    with pytest.raises(KitError, match=r"\.\[tensorboard\]"), events(tmp_path):
        pass


@pytest.mark.usefixtures("darcy")
def test_kit_run_writes_events_when_asked(kit: Run, home: Path) -> None:
    words = ("run", "darcy-flow", "wrn", "--seed", "0", "--profile", "smoke")
    done = kit(*words, "--tensorboard")
    assert done.returncode == 0, done.stderr
    (result,) = (home / "results").rglob("result.json")
    assert [step for _, step, _ in recorded(result.parent)] == [1, 2]
    assert kit(*words, "--seed", "1").returncode == 0
    assert len(list((home / "results").rglob("tensorboard"))) == 1
