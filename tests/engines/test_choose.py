"""Which engine, and where runs can go."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from kit.engines import choose, local
from kit.engines.engine import Options
from kit.engines.places import Cpu, Gpus
from kit.errors import UnavailableError
from kit.spec import RunSpec
from tests.engines.fake_run import spec_of
from tests.engines.nvml import FakeGpus

Make = Callable[..., FakeGpus]


def test_runs_go_onto_the_gpus_that_there_are(
    fake_gpus: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = fake_gpus(3)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    places = choose.places(None, None, None)
    assert isinstance(places, Gpus)
    assert places.uuids == tuple(fake.uuids)
    assert (places.capacity, choose.places(None, None, None, share=2).capacity) == (3, 6)
    assert choose.places(None, 2, None).capacity == 2
    named = choose.places("2,1", None, None)
    assert isinstance(named, Gpus)
    assert named.uuids == (fake.uuids[2], fake.uuids[1])
    assert isinstance(choose.places(None, 3, "cpu"), Cpu)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert isinstance(choose.places(None, None, None), Cpu)


def test_no_more_at_a_time_than_asked_for(fake_gpus: Make) -> None:
    fake_gpus(3)
    places = choose.places("0,1,2", 2, None)
    first, second = places.take(1), places.take(1)
    assert first is not None
    assert second is not None
    assert places.take(1) is None
    places.give(first)
    assert places.take(2) is None
    assert places.take(1) is not None
    assert places.fits(2)
    assert not places.fits(3)


def test_on_the_cpu_so_many_at_a_time() -> None:
    places = Cpu(2)
    assert [places.take(1), places.take(4), places.take(1)] == [(), (), None]
    places.give(())
    places.hold(())
    assert places.take(1) is None


def test_auto_is_containers_where_they_can_be_had_and_says_which(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reasons: dict[str, str | None] = {"docker": "no engine answers", "local": None}

    class Module:
        def __init__(self, name: str) -> None:
            self.name = name

        def unusable(self, specs: Sequence[RunSpec], options: Options) -> str | None:
            return reasons[self.name]

        def connect(self, options: Options) -> str:
            return self.name

    monkeypatch.setattr(choose, "_module", Module)
    specs, said = [spec_of("darcy-flow", "wrn", 0)], list[str]()

    def chosen(name: str) -> object:
        return choose.connect(name, specs, Options(), said.append)

    assert chosen("auto") == "local"
    assert said.pop() == "as processes, not in containers: no engine answers"
    assert chosen("local") == "local"
    with pytest.raises(UnavailableError, match="engine docker: no engine answers"):
        chosen("docker")
    reasons["docker"] = None
    assert chosen("auto") == chosen("docker") == "docker"
    assert said == ["in containers"]


def test_without_its_package_an_engine_is_not_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        if name == "docker":
            raise ModuleNotFoundError("no", name="docker")
        return local

    monkeypatch.setattr(choose, "_module", missing)
    said: list[str] = []
    assert choose.connect("auto", [], Options(), said.append).name == "local"
    assert said == ["as processes, not in containers: the package docker is not installed"]
