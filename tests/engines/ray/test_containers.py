"""A node with a Docker engine makes its runs in containers, which go with their supervisor."""

from __future__ import annotations

import pytest

from kit.engines import choose
from kit.engines.docker import Docker
from kit.engines.engine import Exit, SweepOptions
from kit.engines.ray.supervisor import Start, Stop
from kit.runs.folder import RunFolder
from tests.engines import test_docker
from tests.engines.fake_run import spec_of
from tests.engines.ray.served import Served
from tests.engines.test_docker import FAIL, SLEEP, engine, fake_image, spec, until

__all__ = ["engine", "fake_image"]
pytestmark = pytest.mark.docker


def test_containers_end_when_nobody_gives_orders_any_more(engine: Docker) -> None:
    served, folder = Served(engine), RunFolder(spec(SLEEP)).path
    for seed in (FAIL, SLEEP):
        RunFolder(spec(seed)).path.mkdir(parents=True)
    served.order(Start(spec(FAIL), ()))
    assert served.answer() == Exit(7)
    served.order(Start(spec(SLEEP), ()))
    until((folder / "began").exists)
    served.finish()
    assert (folder / "terminated").exists()
    assert engine._list({}) == []


def test_a_container_that_a_killed_supervisor_left_is_taken_over(engine: Docker) -> None:
    left = test_docker.start(engine, SLEEP)
    served = Served(engine)
    served.order(Start(spec(SLEEP), ()))
    served.order(Stop(spec(SLEEP).id, 10.0))
    assert served.answer() == Exit(130)
    assert left.reference not in {each["Id"] for each in engine._list({})}
    served.finish()


def test_an_image_that_a_node_does_not_have_is_seen_there(engine: Docker) -> None:
    pinned = SweepOptions(allow_unpinned=True)
    here = choose.of_machine(pinned)
    assert here.name == "docker"
    here.close()
    assert choose.machine_rejection([spec(FAIL)], pinned) is None
    reason = choose.machine_rejection([spec_of("ecg", "wrn", 0)], pinned)
    assert reason is not None
    assert "kit images build ecg" in reason
