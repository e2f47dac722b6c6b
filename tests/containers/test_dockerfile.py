"""The Dockerfile as a text: its shell, its stages, its names; nothing is pulled or built."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import docker
import pytest
from docker.errors import ImageNotFound

from kit import paths
from kit.containers import build, lock
from kit.errors import KitError


def complaints(file: Path) -> str:
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent)
    if hadolint is None:
        pytest.skip("hadolint is for Linux alone")
    return subprocess.run([hadolint, file], capture_output=True, text=True, check=False).stdout


def test_nothing_to_complain_about(tmp_path: Path) -> None:
    file = paths.project() / "docker/Dockerfile"
    assert complaints(file) == ""
    broken = tmp_path / "Dockerfile"
    broken.write_text(file.read_text().replace("FROM base AS task", "FROM base AS base"))
    assert "DL3024" in complaints(broken)
    broken.write_text(file.read_text().replace("COPY kit kit", "COPPY kit kit"))
    assert "unexpected 'C'" in complaints(broken)


@pytest.mark.parametrize("name", ["{}", "{}@sha256:1", "debian"])
def test_a_build_starts_from_the_base_image_that_is_locked(name: str) -> None:
    root = paths.project()
    default = build.default_base(root)
    assert build.locked_base(root) == default  # nothing is locked
    base = lock.BaseImage(name=name.format(default), digest="sha256:1")
    lock.save(lock.Lock(schema=lock.SCHEMA, base_image=base, images={}))
    locked = name != "debian"  # that is another one than the Dockerfile's
    assert build.locked_base(root) == (f"{default}@sha256:1" if locked else default)


def test_without_the_command_docker_no_base_image_is_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An engine can be reached by its socket where its command is not installed."""
    client = Mock(spec=docker.DockerClient)
    client.images.get.side_effect = ImageNotFound("no such image")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(KitError, match="the command 'docker', which is not here"):
        build.build(client, [], build.BuildOptions(base_image="debian:bookworm"))
