"""Every test has its own data and results; Darcy's smoke data are made once per session."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kit import task
from kit.data import preparing

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def smoke_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_DATA", str(folder))
        preparing.prepare(task.find("darcy-flow"), "regenerated", "smoke")
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of one's own, with a space and a quote in its name."""
    folder = tmp_path / "a home's folder"
    monkeypatch.setenv("KIT_DATA", str(folder / "data"))
    monkeypatch.setenv("KIT_RESULTS", str(folder / "results"))
    for name in ("KIT_SEEDS", "KIT_THREADS"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def darcy(smoke_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prepared Darcy Flow data, shared: not to be changed."""
    monkeypatch.setenv("KIT_DATA", str(smoke_data))
    return smoke_data


@pytest.fixture
def kit() -> Run:
    """Run ``kit`` in a process of its own, with this test's environment."""

    def run(*words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "kit", *words],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=os.environ,
            check=False,
        )

    return run
