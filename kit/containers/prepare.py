"""Preparing data in a container: no network, raw data to read, the task's own folder to write."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress

import docker
from docker.errors import NotFound

from kit import paths
from kit.containers.sandbox import HOME, mount, options
from kit.errors import BusyError, DataError
from kit.spec import Profile, Tier


def prepare(
    client: docker.DockerClient,
    image: str,
    name: str,
    tier: Tier,
    profile: Profile,
    labels: Mapping[str, str],
) -> None:
    """Run ``kit data prepare`` in an image of a task; what it prints goes to standard error.

    Raises:
        BusyError: another process is preparing these data.
        DataError: they could not be prepared, for the reason printed.
        DockerException: the engine is at fault.
    """
    own = paths.data() / name
    own.mkdir(parents=True, exist_ok=True)
    terminal = sys.stderr.isatty()
    size = shutil.get_terminal_size()
    container = client.containers.create(
        image,
        ["data", "prepare", name, "--tier", tier, "--profile", profile],
        labels=dict(labels),
        # With a terminal there is a progress bar, as wide as this one.
        tty=terminal,
        environment={"COLUMNS": str(size.columns), "TERM": "xterm-256color"} if terminal else {},
        mounts=[
            mount(paths.data(), HOME / "data", read_only=True),
            mount(own, HOME / "data" / name),
        ],
        **options(),
    )
    try:
        container.start()
        for chunk in container.attach(stream=True, logs=True):
            sys.stderr.buffer.write(chunk)
            sys.stderr.flush()
        code = container.wait()["StatusCode"]
    except NotFound:
        code = BusyError.exit_code  # removed by another supervisor: what there is now will tell
    finally:
        with suppress(NotFound):
            container.remove(force=True, v=True)
    if code == BusyError.exit_code:
        raise BusyError(f"{name} {tier} is being prepared by another process")
    if code != 0:
        raise DataError(f"{name}: no {tier} data, for the reason printed above")
