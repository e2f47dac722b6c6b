"""``.env`` beside compose.yaml: the user, the runtime for GPUs, the ids of the images built."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import docker

from kit import paths
from kit.containers.compose import IMAGE, variable
from kit.containers.images import BASE, DockerImage
from kit.containers.sandbox import memory_of_machine
from kit.files import write_bytes


def write(client: docker.DockerClient, built: Sequence[DockerImage]) -> Path | None:
    """Add to the project's ``.env`` what it does not say yet, and put these images' ids there.

    Returns:
        The file; None where it says everything already.
    """
    path = paths.project() / ".env"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if not _name(line).startswith(IMAGE)]
    known = {_name(line) for line in kept}
    values = {name: value for name, value in _values(client).items() if name not in known}
    values |= {variable(image.name): image.id for image in built if image.name != BASE}
    wanted = [*kept, *(f"{name}={value}" for name, value in values.items())]
    if wanted == lines:
        return None
    write_bytes(path, "".join(f"{line}\n" for line in wanted).encode())
    return path


def _name(line: str) -> str:
    return line.partition("=")[0].strip()


def _values(client: docker.DockerClient) -> dict[str, str]:
    runtimes = client.info()["Runtimes"]
    return {
        "KIT_UID": str(os.getuid()),
        "KIT_GID": str(os.getgid()),
        "KIT_RUNTIME": "nvidia" if "nvidia" in runtimes else "runc",
        "KIT_MEMORY": str(memory_of_machine()),
    }
