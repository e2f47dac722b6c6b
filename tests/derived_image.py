"""Images that tests derive from the kit's own, gone after the test."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
from docker.errors import ImageNotFound


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
        # Two modules of tests may have derived the same one.
        with suppress(ImageNotFound):
            engine.images.remove(name, force=True)
