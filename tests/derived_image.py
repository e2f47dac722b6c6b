"""Images that tests derive from the kit's own, gone after the test."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker


@contextmanager
def derived(engine: docker.DockerClient, name: str, lines: str, context: Path) -> Iterator[None]:
    """Build the image ``name`` by a Dockerfile of these lines from a folder; then remove it."""
    words = ["docker", "buildx", "build", "--quiet", "--load", "--tag", name, "--file", "-"]
    subprocess.run(
        [*words, str(context)], input=lines.encode(), stdout=subprocess.DEVNULL, check=True
    )
    try:
        yield
    finally:
        engine.images.remove(name, force=True)
