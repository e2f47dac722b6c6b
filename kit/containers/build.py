"""Building the images from ``docker/Dockerfile``, by the engine's own builder."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import ImageNotFound

from kit import __version__, paths, task
from kit.containers import lock
from kit.containers.images import (
    BASE,
    BASE_DIGEST,
    BASE_NAME,
    CODE,
    LABEL,
    PACKAGES,
    REVISION,
    VERSION,
    digest_of,
    reference,
)
from kit.errors import KitError, last_line
from kit.runs.provenance import code_of_task, git_state


@dataclass(frozen=True)
class BuildOptions:
    """How to build; nothing of it stays in an image but the base.

    Attributes:
        base_image: what all images start from; None for the Dockerfile's own, as it is locked.
        wheels: a folder where pip looks before it asks the index.
        ca: a bundle of certificates for pip, where TLS passes a proxy of one's own.
        network: of the build, as ``docker build --network``.
        cpu: leave out packages that only a GPU has a use for, torch's own apart.
    """

    base_image: str | None = None
    wheels: Path | None = None
    ca: Path | None = None
    network: str | None = None
    cpu: bool = False


def build(client: docker.DockerClient, tasks: Sequence[str], options: BuildOptions) -> None:
    """Build the base image and those of the tasks; what has not changed is taken as it is.

    Raises:
        KitError: a task lies elsewhere, there is no builder, or the build failed.
    """
    root = paths.checkout("images")
    folders = {name: _folder(root, name) for name in tasks}
    sha, dirty = git_state()
    revision = f"{sha}-dirty" if dirty else sha or ""
    base_name, base_digest = _base(client, options.base_image or locked_base(root))
    common = ["--build-arg", f"BASE_IMAGE={base_name}", "--build-arg", f"GIT_SHA={revision}"]
    if options.wheels is not None:
        common += ["--build-context", f"wheels={options.wheels}"]
    if options.ca is not None:
        common += ["--secret", f"id=ca,src={options.ca}"]
    if options.cpu:
        common += ["--build-arg", "XGBOOST=xgboost-cpu"]
    if options.network is not None:
        common += ["--network", options.network]
    labels = {
        "org.opencontainers.image.title": "kit",
        VERSION: __version__,
        REVISION: revision,
        BASE_NAME: base_name,
        BASE_DIGEST: base_digest,
    }
    packages = _packages(root, [*common, "--build-arg", "FROZEN=base"])
    own = labels | {LABEL: BASE, PACKAGES: packages}
    _buildx(root, [*common, "--target", "base", *_named(BASE, own)])
    for name, folder in folders.items():
        words = [*common, "--build-arg", f"TASK={folder.name}"]
        own = labels | {LABEL: name, CODE: code_of_task(name), PACKAGES: packages}
        if (folder / "requirements.txt").exists():
            own[PACKAGES] = _packages(root, [*words, "--build-arg", "FROZEN=task"])
        _buildx(root, [*words, "--target", "task", *_named(name, own)])


def default_base(root: Path) -> str:
    """Return the base image that the Dockerfile names."""
    for line in (root / "docker/Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.startswith("ARG BASE_IMAGE="):
            return line.partition("=")[2]
    raise KitError("docker/Dockerfile names no BASE_IMAGE")


def locked_base(root: Path) -> str:
    """Return the base image that the Dockerfile names, by its digest where the lock has one.

    So a build after the lock starts from the same image, whatever the name stands for by then.
    """
    name, found = default_base(root), lock.read()
    if found is None or found.base_image.name.partition("@")[0] != name:
        return name
    return f"{name}@{found.base_image.digest}"


def _folder(root: Path, name: str) -> Path:
    folder = task.find(name).folder
    if folder.parent != root / "tasks":
        raise KitError(f"{folder}: images are built from tasks in {root / 'tasks'} alone")
    return folder


def _base(client: docker.DockerClient, name: str) -> tuple[str, str]:
    """Return the name and digest of the image to start from; an image of this machine has an id."""
    if "@" in name:
        return name, name.partition("@")[2]
    try:
        image = client.images.get(name)
    except ImageNotFound:
        pass
    else:
        return name, digest_of(image) or str(image.id)
    done = _docker(
        ["buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", name],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        why = last_line(done.stderr)
        raise KitError(f"base image {name}: {why}; --base-image names another")
    digest = done.stdout.strip()
    return f"{name}@{digest}", digest


def _packages(root: Path, words: Sequence[str]) -> str:
    """Return what is installed in a target, as ``name==version`` with spaces between."""
    with tempfile.TemporaryDirectory() as folder:
        _buildx(root, [*words, "--target", "freeze", "--output", f"type=local,dest={folder}"])
        return " ".join(Path(folder, "packages.txt").read_text(encoding="utf-8").split())


def _named(name: str, labels: dict[str, str]) -> list[str]:
    words = [f"--label={key}={value}" for key, value in labels.items()]
    return [*words, "--tag", reference(name), "--load"]


def _buildx(root: Path, words: Sequence[str]) -> None:
    command = ["buildx", "build", "--file", "docker/Dockerfile", *words, "."]
    done = _docker(command, cwd=root, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise KitError(
            "the build failed, for the reason printed above; pip behind a proxy needs --ca, and "
            "'docker buildx version' tells whether the builder is installed"
        )


def _docker(words: Sequence[str], **options: Any) -> subprocess.CompletedProcess[Any]:
    """Run the command ``docker`` with the options of ``subprocess.run``, and wait for its end.

    Raises:
        KitError: there is no such command.
    """
    if shutil.which("docker") is None:
        raise KitError("images are built by the command 'docker', which is not here")
    return subprocess.run(["docker", *words], check=False, **options)
