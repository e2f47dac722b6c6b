"""Runs in containers of a real Docker engine, supervised by a real Slurm."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import docker
import pytest

from kit.engines import leases
from kit.engines.engine import sweep
from kit.engines.slurm import client
from kit.runs.folder import RunFolder, read_result
from tests.containers.conftest import fake_image
from tests.derived_image import derived
from tests.engines.fake_run import spec_of
from tests.engines.slurm.conftest import Cluster, until

__all__ = ["fake_image"]
pytestmark = [pytest.mark.slurm, pytest.mark.docker]
TEMPLATE = """\
{{% extends "docker.sh" %}}
{{% block site %}}
export KIT_FAKE_NVML={gpus}-$SLURMD_NODENAME
{{% endblock %}}
"""
IMAGES = "kit-tests-slurm"


@pytest.fixture
def slow_image(
    docker_engine: docker.DockerClient,
    fake_image: str,
    cluster: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[], list[str]]]:
    """Runs that take long, but for seed 0; yields what lists the containers of Slurm's jobs."""
    monkeypatch.setenv("KIT_IMAGES", IMAGES)
    (tmp_path / "template.sh").write_text(TEMPLATE.format(gpus=tmp_path / "gpus"))
    leases.make_folder()
    shutil.copy(tmp_path / "gpus", leases.folder() / "gpus")
    plan = cluster.plan | {"journal": "/kit/locks/journal", "long": dict.fromkeys("12", 60.0)}
    lines = f"FROM {fake_image}/darcy-flow\nENV FAKE_RUN='{json.dumps(plan)}'\n"
    empty = tmp_path / "empty"
    empty.mkdir()

    def containers() -> list[str]:
        found = docker_engine.api.containers(all=True, filters={"label": ["kit.slurm"]})
        return [each["Id"] for each in found]

    with derived(docker_engine, f"{IMAGES}/darcy-flow", lines, empty):
        yield containers
        left = containers()
        for each in left:
            docker_engine.api.remove_container(each, force=True)
    assert left == []


def devices(engine: docker.DockerClient, containers: Sequence[str]) -> set[str]:
    """Return the GPUs of containers, after a look at the walls around them."""
    found = set()
    for each in containers:
        host: Any = engine.api.inspect_container(each)["HostConfig"]
        assert (host["NetworkMode"], host["ReadonlyRootfs"]) == ("none", True)
        assert host["CapDrop"] == ["ALL"]
        (request,) = host["DeviceRequests"]
        found.update(request["DeviceIDs"])
    return found


def test_runs_in_containers_leave_none(
    cluster: Cluster, slow_image: Callable[[], list[str]], docker_engine: docker.DockerClient
) -> None:
    """One is left over; of three runs one ends, one is stopped, one's job is cancelled."""
    name = f"kit-slurm-{sweep()}-{spec_of('darcy-flow', 'wrn', 0).id[:12]}"
    docker_engine.api.create_container(f"{IMAGES}/darcy-flow", name=name, labels=["kit.slurm"])
    done = cluster.submit(3, "--container", "docker", "--allow-unpinned")
    assert done.returncode == 0, done.stderr
    until(lambda: cluster.states() == {0: "succeeded", 1: "running", 2: "running"})
    until(lambda: len(slow_image()) == 2)
    assert len(devices(docker_engine, slow_image())) == 2
    assert "stopped" in cluster.kit("stop", "darcy-flow/wrn/1").stdout
    (reference,) = client.queued()
    client.cancel([reference])
    cluster.finish()
    assert slow_image() == []
    assert cluster.states() == {0: "succeeded", 1: "cancelled", 2: "cancelled"}
    result = read_result(RunFolder(spec_of("darcy-flow", "wrn", 0)).result)
    assert result.provenance.device_uuid is not None
