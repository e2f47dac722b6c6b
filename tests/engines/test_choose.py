"""Which engine, and where runs can go."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from kit.engines import choose, leases, local
from kit.engines.devices import GIB
from kit.engines.engine import SweepOptions
from kit.engines.jobs import Job
from kit.engines.slots import Cpu, Gpus
from kit.errors import UnavailableError
from kit.spec import RunSpec
from tests.conftest import Run
from tests.engines.fake_run import spec_of
from tests.engines.nvml import FakeGpus
from tests.made_runs import make_run

Make = Callable[..., FakeGpus]


def job(gpus: int = 1, gib: int | None = None) -> Job:
    memory = None if gib is None else gib * GIB
    return Job(spec_of("darcy-flow", "wrn", 0), gpus=gpus, memory=memory)


def test_runs_go_onto_the_gpus_that_there_are(
    fake_gpus: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = fake_gpus(3)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    slots = choose.slots(None, None, None)
    assert isinstance(slots, Gpus)
    assert slots.uuids == tuple(fake.uuids)
    assert (slots.capacity, choose.slots(None, None, None, share=2).capacity) == (3, 6)
    assert choose.slots(None, 2, None).capacity == 2
    named = choose.slots("2,1", None, None)
    assert isinstance(named, Gpus)
    assert named.uuids == (fake.uuids[2], fake.uuids[1])
    assert isinstance(choose.slots(None, 3, "cpu"), Cpu)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert isinstance(choose.slots(None, None, None), Cpu)


def test_no_more_at_a_time_than_asked_for(fake_gpus: Make) -> None:
    fake_gpus(3)
    slots = choose.slots("0,1,2", 2, None)
    first, second = slots.acquire(job()), slots.acquire(job())
    assert first is not None
    assert second is not None
    assert slots.acquire(job()) is None
    slots.release(first)
    assert slots.acquire(job(2)) is None
    assert slots.acquire(job()) is not None
    assert slots.rejection(job(2)) is None
    assert slots.rejection(job(3)) is not None


def test_a_run_goes_only_where_there_is_the_memory_that_earlier_ones_took(fake_gpus: Make) -> None:
    fake = fake_gpus(2)
    fake.file.write_text(fake.file.read_text().replace("16000", "40960", 1))
    slots = Gpus(fake.uuids)
    assert [slots.acquire(job(gib=20)) for _ in range(2)] == [(fake.uuids[0],), None]
    assert slots.acquire(job()) == (fake.uuids[1],)
    assert slots.rejection(job(gib=40)) is None
    told = "needs 41 GiB of GPU memory (measured); GPUs here have 15.6 or 40 GiB for it"
    assert slots.rejection(job(gib=41)) == told
    assert "GPU memory on each of 2 GPUs (measured)" in (slots.rejection(job(2, gib=20)) or "")
    told = "needs 21 GiB of GPU memory (measured); GPUs here have 7.81 or 20 GiB for it"
    assert Gpus(fake.uuids, share=2).rejection(job(gib=21)) == told
    gone = Gpus(["GPU-that-is-gone"])
    assert gone.rejection(job(gib=20)) is None, "nobody knows"
    assert Cpu(1).rejection(job(gib=20)) is None


def test_what_no_gpu_can_hold_is_refused_before_data_are_prepared(
    kit: Run, fake_gpus: Make
) -> None:
    fake_gpus(1)
    make_run("darcy-flow", "wrn", 1, profile="smoke", gpu_memory=20 * GIB)
    words = ("--table", "5", "--task", "darcy-flow", "--method", "wrn", "--seed", "0")
    done = kit("reproduce", *words, "--profile", "smoke", "--engine", "local")
    assert done.returncode == 2
    assert done.stderr == (
        "kit: darcy-flow wrn seed 0 (smoke, released) needs 20 GiB of GPU memory (measured); "
        "GPUs here have 15.6 GiB for it\n"
    )


def test_on_the_cpu_so_many_at_a_time() -> None:
    slots = Cpu(2)
    assert [slots.acquire(job()), slots.acquire(job(4)), slots.acquire(job())] == [(), (), None]
    slots.release(())
    slots.reserve(())
    assert slots.acquire(job()) is None


def test_places_of_the_cpu_that_others_have_are_left_to_them() -> None:
    slots = Cpu(4, cores=2)
    with leases.core(2, None):
        assert [slots.acquire(job()), slots.acquire(job())] == [(), None]
        slots.release(())
        assert leases.free_cores(2) == 1
    slots.release(())
    assert [slots.acquire(job()), slots.acquire(job()), slots.acquire(job())] == [(), (), None]


def test_auto_is_containers_where_they_can_be_had_and_says_which(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reasons: dict[str, str | None] = {"docker": "no engine answers", "local": None}

    class Module:
        def __init__(self, name: str) -> None:
            self.name = name

        def unusable(self, specs: Sequence[RunSpec], options: SweepOptions) -> str | None:
            return reasons[self.name]

        def connect(self, options: SweepOptions) -> str:
            return self.name

    monkeypatch.setattr(choose, "_module", Module)
    specs, logged = [spec_of("darcy-flow", "wrn", 0)], list[str]()

    def chosen(name: str) -> object:
        return choose.connect(name, specs, SweepOptions(), logged.append)

    assert chosen("auto") == "local"
    assert logged.pop() == "runs start as processes, not in containers: no engine answers"
    assert chosen("local") == "local"
    with pytest.raises(UnavailableError, match="engine docker: no engine answers"):
        chosen("docker")
    reasons["docker"] = None
    assert chosen("auto") == chosen("docker") == "docker"
    assert logged == ["runs start in containers"]


def test_without_its_package_an_engine_is_not_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        if name == "docker":
            raise ModuleNotFoundError("no", name="docker")
        return local

    monkeypatch.setattr(choose, "_module", missing)
    logged: list[str] = []
    assert choose.connect("auto", [], SweepOptions(), logged.append).name == "local"
    assert logged == [
        "runs start as processes, not in containers: the package docker is not installed"
    ]
