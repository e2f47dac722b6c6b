"""Which seats are asked for, taken and given back; Ray itself is played here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest
import ray

from kit.engines import choose
from kit.engines.devices import GIB
from kit.engines.engine import EngineError, Exit, Options
from kit.engines.jobs import Job
from kit.engines.nodes import Node
from kit.engines.queue import Queue
from kit.engines.ray import cluster, seats
from kit.engines.ray.cluster import Look
from kit.engines.ray.engine import Ray
from kit.engines.ray.seats import Seat, Seats
from kit.errors import KitError, UnavailableError
from tests.engines.fake_run import spec_of

SPECS = [spec_of(task, "wrn", seed) for task in ("darcy-flow", "ecg") for seed in range(3)]


class Played:
    """A cluster of made-up nodes; a seat is ready at once, with the next GPU of its node."""

    def __init__(self, **looks: Look) -> None:
        self.looks, self.asked, self.killed = looks, list[str](), list[Any]()
        self.broken: dict[str, Exception] = {}

    def alive(self) -> Mapping[str, Any]:
        return dict.fromkeys(self.looks)

    def inspect(self, found: Mapping[str, Any], *_: Any) -> Mapping[str, Look]:
        return {id: self.looks[id] for id in found}

    def ask(self, id: str) -> Seat:
        number = self.asked.count(id) % max(1, int(self.looks[id].gpus))
        self.asked.append(id)
        ready: Future[tuple[str, ...]] = Future()
        if id in self.broken:
            ready.set_exception(self.broken[id])
        else:
            ready.set_result((f"{id}{number}",) if self.looks[id].gpus else ())
        return Seat(f"{id}-{len(self.asked)}", object(), ready)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    made = Played(a=look(2), b=look(1))
    monkeypatch.setattr(cluster, "alive", made.alive)
    monkeypatch.setattr(cluster, "inspect", made.inspect)
    monkeypatch.setattr(Seats, "_ask", lambda _, id: made.ask(id))
    monkeypatch.setattr(ray, "kill", made.killed.append)
    monkeypatch.setattr(seats, "SECONDS_BETWEEN_LOOKS", 0.0)
    return made


def look(gpus: float, trouble: str | None = None, **objections: str) -> Look:
    return Look(f"host{gpus}", gpus, 4, None, trouble, objections)


def job(gpus: int = 1, task: str = "darcy-flow", gib: int | None = None) -> Job:
    memory = None if gib is None else gib * GIB
    return Job(spec_of(task, "wrn", 0), gpus=gpus, memory=memory)


def of_memory(gib: int) -> Look:
    has: dict[str, Any] = {"word": None, "heeds_lock": True, "data": (), "images": ()}
    node = Node(gpus=("Stand-in",), memory=gib * GIB, torch=None, **has)
    return replace(look(1), node=node)


def engine(options: Options | None = None) -> Ray:
    return Ray(options or Options())


def taken(places: Seats, gpus: int = 1, task: str = "darcy-flow") -> tuple[str, ...] | None:
    """Take a place, where need be after seats have been asked for, and sit there."""
    wanted = job(gpus, task)
    found = places.take(wanted) or places.take(wanted)
    for seat in places.chosen(found or (), task) if found is not None else ():
        seat.busy = True
    return found


def test_a_seat_is_asked_for_when_a_run_waits_and_given_back_when_empty(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = engine().places(SPECS, None)
    assert (places.capacity, str(places)) == (3, "3 GPUs of 2 Ray nodes")
    assert played.asked == []
    assert [taken(places) for _ in range(3)] == [("a0",), ("a1",), ("b0",)]
    assert taken(places) is None
    assert played.asked == ["a", "a", "b"]
    freed = places.nodes["a"].seats[1]
    freed.busy, freed.since = False, time.monotonic()
    assert taken(places) == ("a1",)
    freed.busy = False
    monkeypatch.setattr(seats, "SECONDS_EMPTY", -1.0)
    places.refresh()
    assert played.killed == [freed.actor]


def test_gpus_of_one_run_are_on_one_node_and_different(played: Played) -> None:
    places = engine(Options(jobs_per_gpu=2)).places(SPECS, None)
    assert places.capacity == 6
    assert places.objection(job(2)) is None
    assert set(taken(places, 2) or ()) == {"a0", "a1"}
    with pytest.raises(KitError, match="needs 3 GPUs; here 6"):
        Queue([Job(SPECS[0], gpus=3)], engine(), places)


def test_no_more_at_a_time_than_asked_for_or_than_there_are_runs(played: Played) -> None:
    places = engine().places(SPECS, 2)
    assert [taken(places), taken(places), taken(places)] == [("a0",), ("a1",), None]
    assert played.asked == ["a", "a"]
    assert engine().places(SPECS[:1], None).capacity == 1


def test_on_the_cpu_a_seat_is_a_core(played: Played) -> None:
    played.looks = {"head": look(0)}
    with pytest.raises(UnavailableError, match="have no GPU; --device cpu takes their cores"):
        engine().places(SPECS, None)
    places = engine(Options(device="cpu")).places(SPECS, None)
    assert str(places) == "4 cores of 1 Ray nodes"
    assert [taken(places, 2) for _ in range(5)] == [(), (), (), (), None]


def test_nodes_that_lack_something_get_no_runs(played: Played) -> None:
    played.looks = {
        "a": look(2, **{"ecg": "the image of ecg is not built"}),
        "b": look(1),
        "c": look(8, "does not share /results"),
    }
    places = engine().places(SPECS, None)
    assert places.reasons == {
        "host2": "the image of ecg is not built",
        "host8": "does not share /results",
    }
    assert places.capacity == 3
    assert taken(places, task="ecg") == ("b0",)
    assert taken(places, task="ecg") is None
    assert "a" not in played.asked
    assert taken(places) == ("a0",)
    assert "c" not in played.asked


def test_nodes_with_too_little_memory_get_no_runs_that_need_more(played: Played) -> None:
    played.looks = {"a": of_memory(16), "b": of_memory(40)}
    places = engine().places(SPECS, None)
    large = job(gib=20)
    assert [places.take(large) or places.take(large), places.take(job())] == [("b0",), ("b0",)]
    assert played.asked == ["b"]
    with pytest.raises(KitError, match=r"needs 41 GiB .* GPUs here have 16 or 40 GiB"):
        Queue([large, job(gib=41)], engine(), places)
    shared = engine(Options(jobs_per_gpu=2)).places(SPECS, None)
    assert "GPUs here have 8 or 20 GiB for it" in (shared.objection(job(gib=21)) or "")
    assert engine(Options(device="cpu")).places(SPECS, None).objection(job(gib=41)) is None


def test_runs_that_no_node_can_take_are_refused_with_reasons(played: Played) -> None:
    played.looks = {"a": look(2, **{"ecg": "no image"}), "b": look(1, "has no torch")}
    with pytest.raises(UnavailableError, match="run ecg: host2: no image; host1: has no torch"):
        engine().places(SPECS, None)
    assert engine().places(SPECS[:3], None).capacity == 2


def test_nodes_come_and_go_and_those_in_trouble_are_looked_at_again(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settle() -> None:
        for _ in range(3):
            places.refresh()
            if places._coming:
                places._coming.result()

    places = engine().places(SPECS, None)
    del played.looks["a"]
    played.looks["c"] = look(4)
    settle()
    assert places.nodes.keys() == {"b", "c"}
    played.looks["c"] = look(4, "has no torch")
    played.broken["c"] = RuntimeError("worker died\nfor a reason")
    assert taken(places) == ("b0",)
    assert places.reasons == {"host4": "gives no seat: for a reason"}
    with monkeypatch.context() as patch:
        patch.setattr(seats, "SECONDS_IN_TROUBLE", -1.0)
        places.refresh()
    settle()
    assert places.reasons == {"host4": "has no torch"}


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
    places = made.places(SPECS, None)
    ends: list[Exit | None] = []
    for answer in (b'{"code":7}', b"", ray.exceptions.RayError("node died")):
        found = places.take(job()) or places.take(job()) or ()
        (seat,) = places.chosen(found, "darcy-flow")
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
        "objection_of_machine",
        lambda specs, _: "no image" if specs[0].task == "ecg" else None,
    )
    monkeypatch.setattr(cluster, "code", lambda name: f"code of {name}")
    code = {name: cluster.code(name) for name in ("darcy-flow", "ecg")}
    given = cluster.variables()
    words = ("node", tmp_path, SPECS, code, Options(), given)
    assert cluster._look(*words) == {"ecg": "no image"}
    code["darcy-flow"] = "other"
    differs = "its kit or its task darcy-flow differs from the one here"
    assert cluster._look(*words) == {"ecg": "no image", "darcy-flow": differs}


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
