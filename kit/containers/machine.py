"""What compose.yaml cannot know: whose the results are, and whether containers can have GPUs."""

from __future__ import annotations

import os
from pathlib import Path

import docker

from kit import paths
from kit.files import write_bytes


def write(client: docker.DockerClient) -> Path | None:
    """Add to the project's ``.env`` what it does not say yet.

    Returns:
        The file; None where it says everything already.
    """
    path = paths.project() / ".env"
    text = path.read_text() if path.exists() else ""
    known = {line.partition("=")[0].strip() for line in text.splitlines()}
    missing = {name: value for name, value in _values(client).items() if name not in known}
    if not missing:
        return None
    if text and not text.endswith("\n"):
        text += "\n"
    lines = "".join(f"{name}={value}\n" for name, value in missing.items())
    write_bytes(path, (text + lines).encode())
    return path


def _values(client: docker.DockerClient) -> dict[str, str]:
    runtimes = client.info()["Runtimes"]
    return {
        "KIT_UID": str(os.getuid()),
        "KIT_GID": str(os.getgid()),
        "KIT_RUNTIME": "nvidia" if "nvidia" in runtimes else "runc",
    }
