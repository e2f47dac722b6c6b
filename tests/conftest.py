"""Every test has its own data and results; what many of them need is made once for all."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import docker
import pytest

from kit import files, paths, task
from kit.cli.preparing import prepare_task
from kit.containers import images
from kit.containers.client import connect
from kit.data.prepared import folder_of
from kit.errors import UnavailableError
from kit.report.tables import sizes
from kit.runs.provenance import code_of_task
from tests import times

Run = Callable[..., "subprocess.CompletedProcess[str]"]

# Whoever runs the tests in the background may have them ignore Ctrl-C, and so would all they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
gc.disable()  # until all modules are imported: garbage is looked for among their objects each time


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that were slow when last measured; what is not listed is quick.

    Files that take longest come first, those marked ``long`` before all others, so that with
    several processes the quick ones fill what is left at the end. ``KIT_TESTS`` leaves ``engines``,
    the files of what shares the Docker engine or the Slurm cluster and so takes one process, or all
    the ``others``.
    """
    slow = frozenset(times.SLOW.read_text(encoding="utf-8").split())
    engines, slow_files, long_files = set(), set(), set()
    for item in items:
        if item.get_closest_marker("docker") or item.get_closest_marker("slurm"):
            engines.add(item.path)
        if times.function(item.nodeid) in slow:
            item.add_marker("slow")
            slow_files.add(item.path)
        if item.get_closest_marker("long"):
            long_files.add(item.path)
    items.sort(key=lambda item: (item.path not in long_files, item.path not in slow_files))
    if part := os.environ.get("KIT_TESTS"):
        left = [item for item in items if (item.path in engines) != (part == "engines")]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if (item.path in engines) == (part == "engines")]


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Leave out of all collections of garbage what the imported modules are made of."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    """Have Python's end not look for garbage among all objects there are."""
    gc.freeze()


@contextmanager
def shared(factory: pytest.TempPathFactory, variable: str) -> Iterator[Path]:
    """Point a variable to a folder of all processes of the session, for one of them at a time."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / variable
    lock = folder.with_suffix(".lock")
    with pytest.MonkeyPatch.context() as patch, files.locked(lock, wait=600) as mine:
        assert mine
        patch.setenv(variable, str(folder))
        yield folder


@pytest.fixture(scope="session")
def smoke_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Darcy Flow's smoke data: not to be changed, nor joined by others."""
    with shared(tmp_path_factory, "KIT_DATA") as folder:
        prepare_task(task.find("darcy-flow"), "smoke", "regenerated")
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of one's own, with a space and a quote in its name."""
    folder = tmp_path / "a home's folder"
    monkeypatch.setenv("KIT_DATA", str(folder / "data"))
    monkeypatch.setenv("KIT_RESULTS", str(folder / "results"))
    monkeypatch.setenv("KIT_ENGINE", "local")
    monkeypatch.setenv("KIT_LOCKS", str(tmp_path / "locks"))
    for name in ("KIT_SEEDS", "KIT_THREADS", "KIT_GPU", "KIT_GPU_WAIT", "KIT_JOBS_PER_GPU"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture(scope="session")
def kept_counts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sizes of all models as the kit keeps them, counted by the first process that asks."""
    with shared(tmp_path_factory, "KIT_RESULTS") as folder:
        sizes.count_all()
    return folder / ".counts.json"


@pytest.fixture
def counted(kept_counts: Path, home: Path) -> None:
    """Results in which the sizes are known."""
    del home  # which says where results are
    paths.results().mkdir(parents=True)
    shutil.copy(kept_counts, paths.results())


@pytest.fixture
def darcy(smoke_data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The environment with these data, which a test may not change."""
    monkeypatch.setenv("KIT_DATA", str(smoke_data))
    before = set(smoke_data.iterdir())
    yield smoke_data
    assert set(smoke_data.iterdir()) == before, "other tests would find these data, too"


@pytest.fixture
def own_darcy(smoke_data: Path, home: Path) -> Path:
    """A copy of the data, beside which others may be made; the folder of Darcy Flow's."""
    del home  # which says where data are
    shutil.copytree(smoke_data, paths.data())
    return folder_of(task.find("darcy-flow"), "regenerated", "smoke")


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


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[docker.DockerClient]:
    """A Docker engine; where there is none the test is skipped, but in CI it fails."""
    try:
        client = connect()
    except UnavailableError as error:
        _without(str(error))
    yield client
    client.close()


@pytest.fixture(scope="session")
def built_images(docker_engine: docker.DockerClient) -> docker.DockerClient:
    """The engine, with the images of Darcy Flow and DeepSEA as the code is now."""
    for name in ("darcy-flow", "deepsea"):
        image = images.find(docker_engine, name)
        if image is None or image.code != code_of_task(name):
            _without(f"needs the image of 'kit images build {name}', built anew")
    return docker_engine


def _without(reason: str) -> NoReturn:
    if os.environ.get("KIT_NEEDS_DOCKER"):
        pytest.fail(reason)
    pytest.skip(reason)
