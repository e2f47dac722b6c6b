"""compose.yaml as a text: no engine is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from kit import discovery, paths
from kit.containers import compose
from tests.conftest import Run

KINDS = ("", "-dash", "-prepare", "-fetch")


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    parsed: dict[str, Any] = YAML(typ="safe").load(compose.path().read_text())
    return dict(parsed["services"])


def test_the_file_is_what_the_task_folders_say() -> None:
    assert compose.path().read_text() == compose.render(), "run 'kit images compose --write'"


def test_every_task_has_its_services(services: dict[str, dict[str, Any]]) -> None:
    tasks = discovery.listing([paths.project() / "tasks"], "task.py")
    assert set(services) == {f"{name}{kind}" for name in tasks for kind in KINDS}
    for name, folder in tasks.items():
        for kind in KINDS:
            assert services[f"{name}{kind}"]["build"]["args"] == {"TASK": folder.name}
        assert services[name]["entrypoint"] == ["kit", "run", name]
        assert services[f"{name}-dash"]["entrypoint"] == ["kit", "run", name, "dash"]


def test_every_service_is_shut_in(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["init"] is True
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["user"] == "${KIT_UID:-1000}:${KIT_GID:-1000}"
        assert service["pids_limit"] > 0
        assert {"mem_limit", "shm_size", "logging"} <= set(service)
        assert not {"privileged", "cap_add", "devices", "ports", "pid", "ipc"} & set(service)
        # Fetching has a network and nothing else has; a run only reads data.
        assert service["network_mode"] == ("bridge" if name.endswith("-fetch") else "none")
        (data,) = (each for each in service["volumes"] if each["target"] == "/kit/data")
        assert data.get("read_only", False) is not name.endswith(("-fetch", "-prepare"))


def test_written_by_the_command(kit: Run, tmp_path: Path) -> None:
    printed = kit("images", "compose")
    assert printed.stdout == compose.path().read_text()
    assert "compose --write" in printed.stdout.splitlines()[0]
