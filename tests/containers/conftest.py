"""Images with a stand-in driver, and images whose runs are made up."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from kit import paths, task
from kit.containers import images
from kit.data.prepared import open_prepared
from kit.engines import leases
from tests.derived_image import derived
from tests.engines import fake_run
from tests.engines.conftest import fake_gpus, nvml_library
from tests.engines.nvml import LIBRARY, FakeGpus

__all__ = ["fake_gpus", "nvml_library"]
TESTS = "kit-tests"
# What containers share with the host beside their run's folder.
SHARED = "/kit/locks"
DRIVER = f"COPY {LIBRARY} /driver/\nENV LD_LIBRARY_PATH=/driver KIT_FAKE_NVML={SHARED}/gpus\n"
SECONDS = 0.2


@pytest.fixture(scope="session")
def gpu_image(built_images: docker.DockerClient, nvml_library: Path) -> Iterator[str]:
    """Darcy Flow with a driver that shows stand-in GPUs; ``KIT_IMAGES`` for it."""
    lines = f"FROM {images.reference('darcy-flow')}\n{DRIVER}"
    with derived(built_images, f"{TESTS}-gpu/darcy-flow", lines, nvml_library.parent):
        yield f"{TESTS}-gpu"


@pytest.fixture(scope="session")
def fake_image(
    built_images: docker.DockerClient,
    nvml_library: Path,
    smoke_data: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The same, but a run only leases, sleeps and makes its result up; ``KIT_IMAGES`` for it."""
    folder = tmp_path_factory.mktemp("fake")
    shutil.copy(nvml_library, folder)
    shutil.copy(fake_run.__file__, folder / "__main__.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_DATA", str(smoke_data))
        data = open_prepared(task.find("darcy-flow"), "regenerated", "smoke").manifest.digest
    plan = json.dumps({"seconds": SECONDS, "journal": f"{SHARED}/journal", "data": data})
    lines = f"FROM {images.reference('darcy-flow')}\n{DRIVER}COPY __main__.py /kit/kit/\n"
    lines += f"ENV FAKE_RUN='{plan}'\n"
    with derived(built_images, f"{TESTS}-fake/darcy-flow", lines, folder):
        yield f"{TESTS}-fake"


@pytest.fixture
def gpus(fake_gpus: Callable[..., FakeGpus], home: Path) -> FakeGpus:
    """Four stand-in GPUs, which the containers see too, and folders as a machine has them."""
    four = fake_gpus(4)
    for folder in (paths.data(), paths.results()):
        folder.mkdir(parents=True, exist_ok=True)
    leases.make_folder()
    shutil.copy(four.file, leases.folder() / "gpus")
    return four
