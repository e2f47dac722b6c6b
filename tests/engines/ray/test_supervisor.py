"""The supervisor of a seat: what it does with orders, and when nobody gives any more."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import msgspec
import pytest

from kit.engines.engine import BUSY, EngineError, Exit, Handle, SweepOptions
from kit.engines.ray import supervisor
from kit.engines.ray.supervisor import Start, Stop
from kit.runs.folder import RunFolder
from kit.spec import RunSpec
from tests.engines.chaos import FakeLocal
from tests.engines.fake_run import spec_of
from tests.engines.nvml import FakeGpus
from tests.engines.ray.served import Served

Make = Callable[..., FakeGpus]


@pytest.fixture(autouse=True)
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_gpus: Make) -> None:
    fake_gpus(1)
    monkeypatch.setenv("KIT_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    acts = {"1": "hang", "2": "busy"}
    monkeypatch.setenv("FAKE_RUN", json.dumps({"acts": acts, "long": {"3": 60}}))


def spec(seed: int) -> RunSpec:
    made = spec_of("darcy-flow", "wrn", seed)
    RunFolder(made).path.mkdir(parents=True, exist_ok=True)
    return made


def until_running(spec: RunSpec) -> None:
    while not RunFolder(spec).is_running() or RunFolder(spec).status() is None:
        time.sleep(0.02)


def test_runs_are_made_one_after_another() -> None:
    served = Served(FakeLocal(SweepOptions()))
    for seed, code in ((0, 0), (2, BUSY), (4, 0)):
        served.order(Start(spec(seed), ("GPU-00000000-aaaa-bbbb-cccc-dddddddddddd",)))
        assert served.answer() == Exit(code)
    assert [RunFolder(spec(seed)).result.exists() for seed in (0, 2, 4)] == [True, False, True]
    served.finish()


def test_the_run_that_is_named_is_stopped_and_no_other() -> None:
    served, long = Served(FakeLocal(SweepOptions())), spec(3)
    served.order(Stop(long.id, 5.0))  # too early, and forgotten
    served.order(Start(long, ()))
    until_running(long)
    served.order(Stop(spec(0).id, 0.0))
    served.order(Stop(long.id, 5.0))
    assert served.answer() == Exit(130)
    status = RunFolder(long).status()
    assert status is not None
    assert status.state == "cancelled"
    served.finish()


def test_a_second_order_cuts_the_grace_short() -> None:
    served, deaf = Served(FakeLocal(SweepOptions())), spec(1)
    served.order(Start(deaf, ()))
    until_running(deaf)
    served.order(Stop(deaf.id, 60.0))
    served.order(Stop(deaf.id, 0.0))
    assert served.answer() == Exit(-9)
    served.finish()


def test_without_anybody_to_give_orders_the_run_is_stopped() -> None:
    served, long = Served(FakeLocal(SweepOptions())), spec(3)
    served.order(Start(long, ()))
    until_running(long)
    served.finish()
    assert not RunFolder(long).is_running()
    assert served.answers.read() == b""


def test_a_fault_of_the_engine_is_told() -> None:
    class Broken(FakeLocal):
        def start(self, spec: RunSpec, gpus: tuple[str, ...]) -> Handle:
            raise EngineError("no such image")

    answers = BytesIO()
    orders = BytesIO(msgspec.json.encode(Start(spec(0), ())) + b"\n")
    supervisor.serve(Broken(SweepOptions()), orders, answers)
    end = msgspec.json.decode(answers.getvalue(), type=Exit)
    assert end == Exit(None, infrastructure="no such image")
