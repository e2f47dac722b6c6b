"""What ``kit images build`` writes to ``.env`` for compose."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import pytest

from kit import paths
from kit.containers import machine
from tests.containers.test_lock import BASE, TASK


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "project", lambda: tmp_path)
    return tmp_path


def engine(*runtimes: str) -> Any:
    return SimpleNamespace(info=lambda: {"Runtimes": {name: {} for name in runtimes}})


def test_written_once(project: Path) -> None:
    assert machine.write(engine("runc"), []) == project / ".env"
    text = (project / ".env").read_text()
    *others, memory = text.splitlines()
    assert others == [f"KIT_UID={os.getuid()}", f"KIT_GID={os.getgid()}", "KIT_RUNTIME=runc"]
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert memory == f"KIT_MEMORY={int(0.9 * total)}"
    assert machine.write(engine("runc", "nvidia"), []) is None
    assert (project / ".env").read_text() == text


def test_gpus_where_containers_can_have_them(project: Path) -> None:
    machine.write(engine("runc", "nvidia"), [])
    assert "KIT_RUNTIME=nvidia\n" in (project / ".env").read_text()


def test_what_somebody_wrote_is_kept(project: Path) -> None:
    (project / ".env").write_text("KIT_UID=7\nOTHER=x\nKIT_MEMORY=5g")
    machine.write(engine("runc"), [])
    lines = (project / ".env").read_text().splitlines()
    assert lines == [
        *("KIT_UID=7", "OTHER=x", "KIT_MEMORY=5g"),
        *(f"KIT_GID={os.getgid()}", "KIT_RUNTIME=runc"),
    ]


def test_the_images_last_built(project: Path) -> None:
    (project / ".env").write_text("KIT_IMAGE_DEEPSEA=sha256:old\nKIT_IMAGE_ECG=sha256:gone\n")
    machine.write(engine("runc"), [BASE, TASK])
    text = (project / ".env").read_text()
    assert [line for line in text.splitlines() if "IMAGE" in line] == [
        f"KIT_IMAGE_DEEPSEA={TASK.id}"
    ]
    assert machine.write(engine("runc"), [BASE, TASK]) is None


@pytest.mark.docker
def test_a_real_engine_tells_its_runtimes(
    project: Path, docker_engine: docker.DockerClient
) -> None:
    machine.write(docker_engine, [])
    assert "KIT_RUNTIME=" in (project / ".env").read_text()
