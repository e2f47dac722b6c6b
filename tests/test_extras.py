"""The command that installs an extra, and that no text advises a stranger's project."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from kit import extras, paths

# What comes from the registry under the kit's import name is not the kit.
ADVICE = re.compile(r"pip install[^\n]*[\s'\"`]kit(\[|==|['\"`])|(?<![-\w])kit\[[a-z]")


def test_in_a_checkout_the_command_names_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(paths.project())
    assert extras.install("ray") == "pip install -e '.[ray]'"
    monkeypatch.chdir(tmp_path)
    assert extras.install("ray") == f"pip install -e '{paths.project()}[ray]'"


def test_an_image_has_neither_checkout_nor_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "kit")
    monkeypatch.setattr(metadata, "distribution", none)
    assert extras.install("ray").startswith("images lack the extra 'ray'")


def test_extras_that_messages_name_are_those_of_the_distribution() -> None:
    project = tomllib.loads((paths.project() / "pyproject.toml").read_text())["project"]
    assert project["name"] == extras.DISTRIBUTION
    named = set()
    for file in [*paths.PACKAGE.rglob("*.py"), *(paths.project() / "tasks").rglob("*.py")]:
        named |= set(re.findall(r"extras\.install\(['\"](\w+)", file.read_text()))
    assert "ray" in named
    assert named <= set(project["optional-dependencies"])


def test_no_text_advises_to_install_what_the_registry_calls_kit() -> None:
    assert ADVICE.search("pip install 'kit[ray]'")
    listed = subprocess.run(
        ["git", "ls-files"], cwd=paths.project(), capture_output=True, text=True, check=False
    ).stdout.splitlines()
    if not listed:
        pytest.skip("no git checkout")
    for name in listed:
        file = paths.project() / name
        if file.is_file() and name != "tests/test_extras.py":
            text = file.read_bytes().decode("utf-8", "replace")
            assert not ADVICE.search(text), name
