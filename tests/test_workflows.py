"""The workflows: valid, pinned to commits, and without rights that they do not need."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from kit import paths

FILES = sorted((paths.project() / ".github/workflows").glob("*.yml"))
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}")


@pytest.fixture(params=FILES, ids=lambda file: file.name)
def file(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def workflow(file: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = YAML(typ="safe").load(file.read_text())
    return parsed


def test_there_are_some() -> None:
    assert {file.name for file in FILES} == {"gpu.yml", "tests.yml"}


def valid(file: Path) -> bool:
    words = ["-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(file)]
    return (
        subprocess.run([sys.executable, *words], capture_output=True, check=False).returncode == 0
    )


def test_valid_by_the_schema(file: Path, tmp_path: Path) -> None:
    assert valid(file)
    broken = tmp_path / "broken.yml"
    broken.write_text(file.read_text().replace("runs-on:", "runs_on:"))
    assert not valid(broken)


def test_actions_are_pinned_to_commits(file: Path, workflow: dict[str, Any]) -> None:
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    used = [step["uses"] for step in steps if "uses" in step]
    assert used
    for action in used:
        assert PINNED.fullmatch(action), action
    for step in steps:
        if "actions/checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


def test_no_right_but_to_read_and_no_secret(file: Path, workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert "secrets." not in file.read_text()
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        assert job["timeout-minutes"] <= 240


def test_no_pull_request_reaches_the_machine_with_gpus() -> None:
    for file in FILES:
        workflow = YAML(typ="safe").load(file.read_text())
        machines = [job["runs-on"] for job in workflow["jobs"].values()]
        if any("self-hosted" in machine for machine in machines):
            assert set(workflow["on"]) == {"push", "workflow_dispatch"}
            assert workflow["on"]["push"] == {"branches": ["main"]}
            assert all("environment" in job for job in workflow["jobs"].values())
        else:
            assert {"push", "pull_request"} == set(workflow["on"])
