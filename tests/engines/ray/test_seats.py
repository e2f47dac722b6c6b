"""Which seats are asked for, taken and given back; Ray itself is played here."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest
import ray

from kit.engines import choose, docker
from kit.engines.devices import GIB
from kit.engines.engine import EngineError, Exit, SweepOptions
from kit.engines.jobs import Job
from kit.engines.nodes import NodeReport
from kit.engines.queue import Queue
from kit.engines.ray import cluster, seats
from kit.engines.ray.cluster import RayNode
from kit.engines.ray.engine import Ray
from kit.engines.ray.seats import Seat, Seats
from kit.errors import KitError, UnavailableError
from kit.runs import provenance
from tests.engines.fake_run import spec_of

SPECS = [spec_of(task, "wrn", seed) for task in ("darcy-flow", "ecg") for seed in range(3)]


class Played:
    """A cluster of made-up nodes; a seat is ready at once, with the next GPU of its node."""

    def __init__(self, **states: RayNode) -> None:
        self.states, self.asked, self.killed = states, list[str](), list[Any]()
        self.broken: dict[str, Exception] = {}

    def alive(self) -> Mapping[str, Any]:
        return dict.fromkeys(self.states)

    def inspect(self, found: Mapping[str, Any], *_: Any) -> Mapping[str, RayNode]:
        return {id: self.states[id] for id in found}

    def ask(self, id: str) -> Seat:
        number = self.asked.count(id) % max(1, int(self.states[id].gpus))
        self.asked.append(id)
        ready: Future[tuple[str, ...]] = Future()
        if id in self.broken:
            ready.set_exception(self.broken[id])
        else:
            ready.set_result((f"{id}{number}",) if self.states[id].gpus else ())
        return Seat(f"{id}-{len(self.asked)}", object(), ready)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    made = Played(a=ray_node(2), b=ray_node(1))
    monkeypatch.setattr(cluster, "alive", made.alive)
    monkeypatch.setattr(cluster, "inspect", made.inspect)
    monkeypatch.setattr(Seats, "_ask", lambda _, id: made.ask(id))
    monkeypatch.setattr(ray, "kill", made.killed.append)
    monkeypatch.setattr(seats, "SECONDS_BETWEEN_LOOKS", 0.0)
    return made


def ray_node(gpus: float, trouble: str | None = None, **rejections: str) -> RayNode:
    return RayNode(f"host{gpus}", gpus, 4, None, trouble, rejections)


def job(gpus: int = 1, task: str = "darcy-flow", gib: int | None = None) -> Job:
    memory = None if gib is None else gib * GIB
    return Job(spec_of(task, "wrn", 0), gpus=gpus, memory=memory)


def of_memory(gib: int) -> RayNode:
    has: dict[str, Any] = {"word": None, "heeds_lock": True, "data": (), "images": ()}
    node = NodeReport(gpus=("Stand-in",), memory=gib * GIB, torch=None, **has)
    return replace(ray_node(1), node=node)


def engine(options: SweepOptions | None = None) -> Ray:
    return Ray(options or SweepOptions())


def taken(slots: Seats, gpus: int = 1, task: str = "darcy-flow") -> tuple[str, ...] | None:
    """Take a place, where need be after seats have been asked for, and sit there."""
    wanted = job(gpus, task)
    found = slots.acquire(wanted) or slots.acquire(wanted)
    for seat in slots.chosen(found or (), task) if found is not None else ():
        seat.busy = True
    return found


def test_a_seat_is_asked_for_when_a_run_waits_and_given_back_when_empty(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = engine().slots(SPECS, None)
    assert (slots.capacity, str(slots)) == (3, "3 GPUs of 2 Ray nodes")
    assert played.asked == []
    assert [taken(slots) for _ in range(3)] == [("a0",), ("a1",), ("b0",)]
    assert taken(slots) is None
    assert played.asked == ["a", "a", "b"]
    freed = slots.nodes["a"].seats[1]
    freed.busy, freed.since = False, time.monotonic()
    assert taken(slots) == ("a1",)
    freed.busy = False
    monkeypatch.setattr(seats, "SECONDS_EMPTY", -1.0)
    slots.refresh()
    assert played.killed == [freed.actor]


def test_gpus_of_one_run_are_on_one_node_and_different(played: Played) -> None:
    slots = engine(SweepOptions(jobs_per_gpu=2)).slots(SPECS, None)
    assert slots.capacity == 6
    assert slots.rejection(job(2)) is None
    assert set(taken(slots, 2) or ()) == {"a0", "a1"}
    with pytest.raises(KitError, match="needs 3 GPUs; here 6"):
        Queue([Job(SPECS[0], gpus=3)], engine(), slots)


def test_no_more_at_a_time_than_asked_for_or_than_there_are_runs(played: Played) -> None:
    slots = engine().slots(SPECS, 2)
    assert [taken(slots), taken(slots), taken(slots)] == [("a0",), ("a1",), None]
    assert played.asked == ["a", "a"]
    assert engine().slots(SPECS[:1], None).capacity == 1


def test_on_the_cpu_a_seat_is_a_core(played: Played) -> None:
    played.states = {"head": ray_node(0)}
    with pytest.raises(UnavailableError, match="have no GPU; --device cpu takes their cores"):
        engine().slots(SPECS, None)
    slots = engine(SweepOptions(device="cpu")).slots(SPECS, None)
    assert str(slots) == "4 cores of 1 Ray nodes"
    assert [taken(slots, 2) for _ in range(5)] == [(), (), (), (), None]


def test_nodes_that_lack_something_get_no_runs(played: Played) -> None:
    played.states = {
        "a": ray_node(2, **{"ecg": "the image of ecg is not built"}),
        "b": ray_node(1),
        "c": ray_node(8, "does not share /results"),
    }
    slots = engine().slots(SPECS, None)
    assert slots.reasons == {
        "host2": "the image of ecg is not built",
        "host8": "does not share /results",
    }
    assert slots.capacity == 3
    assert taken(slots, task="ecg") == ("b0",)
    assert taken(slots, task="ecg") is None
    assert "a" not in played.asked
    assert taken(slots) == ("a0",)
    assert "c" not in played.asked


def test_nodes_with_too_little_memory_get_no_runs_that_need_more(played: Played) -> None:
    played.states = {"a": of_memory(16), "b": of_memory(40)}
    slots = engine().slots(SPECS, None)
    large = job(gib=20)
    assert [slots.acquire(large) or slots.acquire(large), slots.acquire(job())] == [
        ("b0",),
        ("b0",),
    ]
    assert played.asked == ["b"]
    with pytest.raises(KitError, match=r"needs 41 GiB .* GPUs here have 16 or 40 GiB"):
        Queue([large, job(gib=41)], engine(), slots)
    shared = engine(SweepOptions(jobs_per_gpu=2)).slots(SPECS, None)
    assert "GPUs here have 8 or 20 GiB for it" in (shared.rejection(job(gib=21)) or "")
    assert engine(SweepOptions(device="cpu")).slots(SPECS, None).rejection(job(gib=41)) is None


def test_runs_that_no_node_can_take_are_refused_with_reasons(played: Played) -> None:
    played.states = {"a": ray_node(2, **{"ecg": "no image"}), "b": ray_node(1, "has no torch")}
    with pytest.raises(UnavailableError, match="run ecg: host2: no image; host1: has no torch"):
        engine().slots(SPECS, None)
    assert engine().slots(SPECS[:3], None).capacity == 2


def test_nodes_come_and_go_and_those_in_trouble_are_looked_at_again(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settle() -> None:
        for _ in range(3):
            slots.refresh()
            if slots._coming:
                slots._coming.result()

    slots = engine().slots(SPECS, None)
    del played.states["a"]
    played.states["c"] = ray_node(4)
    settle()
    assert slots.nodes.keys() == {"b", "c"}
    played.states["c"] = ray_node(4, "has no torch")
    played.broken["c"] = RuntimeError("worker died\nfor a reason")
    assert taken(slots) == ("b0",)
    assert slots.reasons == {"host4": "gives no seat: for a reason"}
    with monkeypatch.context() as patch:
        patch.setattr(seats, "SECONDS_IN_TROUBLE", -1.0)
        slots.refresh()
    settle()
    assert slots.reasons == {"host4": "has no torch"}


def test_what_is_lost_with_a_seat_is_no_fault_of_the_run(played: Played) -> None:
    class Actor:
        def __init__(self) -> None:
            self.run, self.end = self, Future[bytes]()

        def remote(self, order: bytes) -> Actor:
            return self

        def future(self) -> Future[bytes]:
            return self.end

    made = engine()
    with pytest.raises(EngineError, match="is gone"):
        made.start(SPECS[0], ("a0",))
    slots = made.slots(SPECS, None)
    ends: list[Exit | None] = []
    for answer in (b'{"code":7}', b"", ray.exceptions.RayError("node died")):
        found = slots.acquire(job()) or slots.acquire(job()) or ()
        (seat,) = slots.chosen(found, "darcy-flow")
        seat.actor = actor = Actor()
        handle = made.start(SPECS[0], found)
        assert made.poll(handle) is None
        if isinstance(answer, bytes):
            actor.end.set_result(answer)
        else:
            actor.end.set_exception(answer)
        ends.append(made.poll(handle))
    lost = Exit(None, infrastructure="its node, or the Ray worker there, is gone")
    assert ends == [Exit(7), lost, lost]
    assert len(played.killed) == 2


def test_what_nodes_lack_is_asked_there_task_by_task(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_RESULTS", str(tmp_path))
    monkeypatch.setattr(
        choose,
        "machine_rejection",
        lambda specs, _: "no image" if specs[0].task == "ecg" else None,
    )
    monkeypatch.setattr(provenance, "code_of_task", lambda name: f"code of {name}")
    code = {name: provenance.code_of_task(name) for name in ("darcy-flow", "ecg")}
    given = cluster.variables()
    words = ("node", tmp_path, SPECS, code, SweepOptions(), given)
    assert cluster._probe(*words) == {"ecg": "no image"}
    code["darcy-flow"] = "other"
    differs = "its kit or its task darcy-flow differs from the one here"
    assert cluster._probe(*words) == {"ecg": "no image", "darcy-flow": differs}


def test_nodes_take_over_the_environment_but_keep_data_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KIT_DATA", "/here")
    monkeypatch.setenv("KIT_RESULTS", "/shared")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    given = cluster.variables()
    monkeypatch.setenv("KIT_DATA", "/scratch")
    monkeypatch.setenv("KIT_RESULTS", "/elsewhere")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as Ray sets it
    cluster.take_over(given)
    assert cluster.variables() == given | {"KIT_DATA": "/scratch"}
    monkeypatch.delenv("KIT_DATA")
    cluster.take_over(given)
    assert cluster.variables() == given


def test_nodes_use_busy_gpus_if_the_sweep_or_they_are_told_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KIT_TAKE_BUSY_GPU", "1")
    given = cluster.variables()
    monkeypatch.delenv("KIT_TAKE_BUSY_GPU")
    cluster.take_over(given)
    assert os.environ["KIT_TAKE_BUSY_GPU"] == "1"
    cluster.take_over(given | {"KIT_TAKE_BUSY_GPU": None})
    assert os.environ["KIT_TAKE_BUSY_GPU"] == "1"


def test_runs_leave_places_to_their_trials(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each would wait for ever for a place that another run has."""

    def slots(limit: int | None, **options: Any) -> Seats:
        return Ray(SweepOptions(**options)).slots(SPECS, limit)

    refusal = "would take all 3 GPUs of the cluster and leave none to their trials; use --jobs 2 or"
    for limit in (None, 3):
        with pytest.raises(KitError, match=refusal):
            slots(limit, trials_on="auto")
    with pytest.raises(KitError, match=r"all 8 cores .* use --jobs 7 or less"):
        Ray(SweepOptions(device="cpu", trials_on="auto")).slots(2 * SPECS, None)
    assert slots(2, trials_on="auto").capacity == 2
    assert slots(None, trials_on="local:2").capacity == 3
    del played.states["a"]
    with pytest.raises(KitError, match=r"all 1 GPU .* use '--trials-on local:N'"):
        slots(None, trials_on="auto")
    monkeypatch.setattr(choose, "of_machine", lambda _: docker.Docker.__new__(docker.Docker))
    monkeypatch.setattr(docker.Docker, "close", lambda _: None)
    rejection = choose.machine_rejection(SPECS, SweepOptions(trials_on="auto"))
    assert rejection == "--trials-on: containers have no network; local:N works in them"
