"""Stand-in GPUs and made-up sweeps for the tests of engines."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engines.nvml import FakeGpus, build
from tests.engines.sweep import Sweep


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def fake_gpus(
    nvml_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., FakeGpus]:
    """Make so many GPUs, seen by this process and by those that it starts."""

    def make(count: int, **state: Any) -> FakeGpus:
        uuids = [f"GPU-0000000{index}-aaaa-bbbb-cccc-dddddddddddd" for index in range(count)]
        gpus = FakeGpus(nvml_library, tmp_path / "gpus", uuids, **state)
        gpus.write()
        for name, value in gpus.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("KIT_LOCKS", str(tmp_path / "locks"))
        # The dynamic linker read LD_LIBRARY_PATH when pytest started; by its soname the library
        # is found again by nvidia-ml-py.
        ctypes.CDLL(str(nvml_library))
        return gpus

    return make


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return Sweep(tmp_path, monkeypatch)
