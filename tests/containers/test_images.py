"""The images: what is in them, what is not, and how fast they follow a change."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from kit import discovery, paths
from kit.containers import build, images
from tests.conftest import Run

pytestmark = pytest.mark.docker
MB = 1_000_000
MARKER = "a-secret-that-no-image-may-hold"


def inside(client: docker.DockerClient, name: str, script: str, user: str | None = None) -> str:
    """Run a shell script in an image, as the user that the image names, or as another."""
    output: bytes = client.containers.run(
        images.reference(name),
        ["-c", script],
        entrypoint="sh",
        user=user,
        network_mode="none",
        remove=True,
    )
    return output.decode().strip()


def test_a_task_adds_little_to_the_base(built_images: docker.DockerClient) -> None:
    found = {image.name: image for image in images.listing(built_images)}
    base = found["base"]
    assert base.added == 0
    for name in ("darcy-flow", "deepsea"):
        assert found[name].shared == base.layers == base.shared
        assert found[name].layers > base.layers
        added = found[name].added
        assert added is not None
        assert 0 < added < 60 * MB
        assert found[name].base_digest == base.base_digest


def test_listed_by_the_command(built_images: docker.DockerClient, kit: Run) -> None:
    rows = {
        row["name"]: row for row in json.loads(kit("images", "list", "--format", "json").stdout)
    }
    base = built_images.images.get(images.reference(images.BASE))
    assert rows["base"]["id"] == base.id
    assert rows["base"]["size"] == base.attrs["Size"]
    assert next(iter(rows)) == "base"
    text = kit("images", "list").stdout
    assert "deepsea" in text
    assert "no" in text.splitlines()[1].split()  # nothing is locked in this test's results
    assert kit("images", "lock").returncode == 0
    assert "yes" in kit("images", "list").stdout.splitlines()[1].split()


def test_neither_root_nor_compiler_nor_cache(built_images: docker.DockerClient) -> None:
    for name in ("base", "darcy-flow"):
        assert inside(built_images, name, "id -u") == "1000"
        compilers = "for each in cc gcc g++ clang nvcc; do command -v $each; done; true"
        assert inside(built_images, name, compilers) == ""
        caches = "find / -xdev -path '*/.cache/*' -o -xdev -path '/var/cache/apt/archives/*.deb'"
        assert inside(built_images, name, f"{caches} -o -xdev -path '/wheels/*'", "0") == ""
        assert inside(built_images, name, "test -w /kit/kit || echo closed") == "closed"


def test_labels_and_what_an_image_is_for(built_images: docker.DockerClient) -> None:
    for name in ("base", "darcy-flow"):
        image = built_images.images.get(images.reference(name))
        packages = dict(word.split("==") for word in image.labels[images.PACKAGES].split())
        listing = inside(built_images, name, "cat /opt/kit/packages.txt")
        assert packages == dict(line.split("==") for line in listing.splitlines())
        for line in (paths.project() / "constraints.txt").read_text().splitlines():
            package, _, version = line.partition("==")
            if package in packages:
                assert packages[package].partition("+")[0] == version
        assert {"torch", "numpy", "docker"} <= set(packages)
        # What a task asks for is in its image alone.
        assert ("h5py" in packages) is (name == "darcy-flow")
        assert image.labels[images.LABEL] == name
        assert image.labels[images.VERSION]
    assert inside(built_images, "darcy-flow", "echo $KIT_TASK $KIT_SEEDS") == "darcy_flow 0 1 2"
    assert inside(built_images, "darcy-flow", "ls /kit/tasks") == "darcy_flow"
    assert inside(built_images, "base", "ls /kit/tasks") == ""


def test_requirements_of_tasks_are_pinned() -> None:
    pinned = {
        line.partition("==")[0].lower()
        for line in (paths.project() / "constraints.txt").read_text().splitlines()
    }
    for folder in discovery.listing(paths.tasks(), "requirements.txt").values():
        for line in (folder / "requirements.txt").read_text().split():
            assert line.lower() in pinned, folder


@pytest.fixture(scope="module")
def context(docker_engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is sent to the builder."""
    folder = tmp_path_factory.mktemp("context")
    words = ["docker", "buildx", "build", "--quiet", "--file", "-"]
    words += ["--output", f"type=local,dest={folder}", str(paths.project())]
    subprocess.run(words, input=b"FROM scratch\nCOPY . /\n", check=True)
    return folder


def test_only_what_images_are_made_of_is_sent(context: Path) -> None:
    assert {each.name for each in context.iterdir()} == {
        "constraints.txt",
        "docker",
        "kit",
        "pyproject.toml",
        "tasks",
    }
    assert {each.name for each in (context / "docker").iterdir()} == {
        "install-packages",
        "kit",
        "requirements.lock",
    }
    files = [file for file in context.rglob("*") if file.is_file()]
    assert not [file for file in files if "__pycache__" in file.parts or file.suffix == ".pyc"]
    assert not [file for file in files if file.relative_to(context).as_posix().startswith(".")]
    assert sum(file.stat().st_size for file in files) < 20 * MB


@pytest.fixture
def checkout(
    context: Path,
    tmp_path: Path,
    built_images: docker.DockerClient,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A checkout whose images may be built under names of their own; the real ones stay."""
    folder = tmp_path / "checkout"
    shutil.copytree(context, folder)
    for name in (".dockerignore", "docker/Dockerfile"):
        shutil.copy(paths.project() / name, folder / name)
    monkeypatch.setattr(paths, "project", lambda: folder)
    monkeypatch.setenv("KIT_IMAGES", "kit-tests")
    return folder


@pytest.fixture
def again(
    checkout: Path, built_images: docker.DockerClient
) -> Callable[[list[str], build.BuildOptions], None]:
    """Build from the checkout, with the options that the real images were built with."""
    if "KIT_DOCKER" not in os.environ:
        pytest.skip("only '.ci/images' leaves the wheels that a second build needs")
    wheels = Path(os.environ["KIT_DOCKER"], "wheels")

    def build_again(tasks: list[str], options: build.BuildOptions) -> None:
        build.build(
            built_images,
            tasks,
            build.BuildOptions("kit-tests/debian:bookworm", wheels, options.ca, cpu=True),
        )

    return build_again


def test_a_changed_line_of_a_task_is_built_in_seconds(
    checkout: Path,
    again: Callable[[list[str], build.BuildOptions], None],
    built_images: docker.DockerClient,
) -> None:
    again(["deepsea"], build.BuildOptions())
    before = images.find(built_images, "deepsea")
    with (checkout / "tasks/deepsea/task.py").open("a") as stream:
        stream.write("# changed\n")
    began = time.monotonic()
    again(["deepsea"], build.BuildOptions())
    took = time.monotonic() - began
    after = images.find(built_images, "deepsea")
    assert before is not None
    assert after is not None
    assert before.id != after.id
    assert "# changed" in inside(built_images, "deepsea", "tail -n 1 /kit/tasks/deepsea/task.py")
    # Seconds, on a machine that has nothing else to do; what counts is what was not built again.
    assert took < 60
    assert after.shared == before.shared == after.layers - 3
    for name in ("deepsea", "base"):
        built_images.images.remove(images.reference(name), force=True)


def test_secrets_of_a_build_are_in_no_image(
    checkout: Path,
    again: Callable[[list[str], build.BuildOptions], None],
    built_images: docker.DockerClient,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A bundle of certificates, and the environment: while a package is really installed."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", MARKER)
    bundle = tmp_path / "bundle.pem"
    own = os.environ.get("PIP_CERT")
    bundle.write_text(f"# {MARKER}\n" + (Path(own).read_text() if own else ""))
    # A line that no build has seen, so that pip runs.
    requirements = checkout / "tasks/deepsea/requirements.txt"
    requirements.write_text(f"soundfile # {time.time()}\n")
    again(["deepsea"], build.BuildOptions(ca=bundle if own else None))
    image = built_images.images.get(images.reference("deepsea"))
    assert "soundfile==" in image.labels[images.PACKAGES]
    assert MARKER not in json.dumps([image.attrs, image.history()])
    places = "/etc /home /kit /opt /root /run /tmp /usr/local /var"
    assert inside(built_images, "deepsea", f"grep -rlsF {MARKER} {places}; true", "0") == ""
    for name in ("deepsea", "base"):
        built_images.images.remove(images.reference(name), force=True)
