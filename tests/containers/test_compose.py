"""compose.yaml as a text: no engine is needed."""

from __future__ import annotations

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
        assert services[name]["environment"]["KIT_SERVICE"] == name
        assert services[f"{name}-dash"]["entrypoint"] == ["kit", "run", name, "dash"]


def test_every_service_is_sandboxed(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["init"] is True
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["user"] == "${KIT_UID:-1000}:${KIT_GID:-1000}"
        assert service["pids_limit"] > 0
        assert {"mem_limit", "shm_size", "logging"} <= set(service)
        assert not {"privileged", "cap_add", "devices", "ports", "pid", "ipc"} & set(service)
        assert service["network_mode"] == ("bridge" if name.endswith("-fetch") else "none")


def test_each_phase_can_write_what_it_makes_and_nothing_else(
    services: dict[str, dict[str, Any]],
) -> None:
    for name, service in services.items():
        writes = {
            each["target"]: not each.get("read_only", False)
            for each in service["volumes"]
            if each["target"] != "/kit/locks"
        }
        if name.endswith("-fetch"):
            assert writes == {"/kit/data/raw": True}
        elif name.endswith("-prepare"):
            assert writes == {"/kit/data": True, "/kit/data/raw": False}
        else:
            assert writes == {"/kit/results": True, "/kit/data": False}


def test_no_service_waits_for_another(services: dict[str, dict[str, Any]]) -> None:
    """Of one that others wait for there is one container, which runs at once fight over."""
    assert not any("depends_on" in service for service in services.values())


def test_what_runs_is_what_results_are_marked_with(services: dict[str, dict[str, Any]]) -> None:
    for name in ("cifar-100", "cifar-100-dash"):
        service = services[name]
        variable = compose.variable("cifar-100")
        assert service["image"] == f"${{{variable}:-${{KIT_IMAGES:-kit}}/cifar-100}}"
        assert service["environment"]["KIT_IMAGE_ID"] == f"${{{variable}:-}}"
        assert {"KIT_GPU", "KIT_SEEDS"} <= set(service["environment"])


def test_written_by_the_command(kit: Run) -> None:
    printed = kit("images", "compose")
    assert printed.stdout == compose.path().read_text()
    assert "compose --write" in printed.stdout.splitlines()[0]
