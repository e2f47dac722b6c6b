"""What the container of a run is made of: its command, its variables, what it sees of the disk."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import Any

from docker.types import DeviceRequest, Mount

from kit import paths
from kit.containers import lock
from kit.containers.images import DockerImage
from kit.containers.sandbox import HOME, mount
from kit.containers.sandbox import options as sandbox
from kit.engines import leases
from kit.engines.engine import SweepOptions, environment, sweep
from kit.engines.handover import RESULTS_IN_IMAGE, arguments
from kit.runs.folder import RunFolder
from kit.spec import RunSpec

# The only variables of the caller that reach a container.
PASSED = ("KIT_CHECKPOINT_SECONDS", "KIT_TAKE_BUSY_GPU", "KIT_THREADS")


def made_of(
    spec: RunSpec, gpus: tuple[str, ...], image: DockerImage, options: SweepOptions
) -> dict[str, Any]:
    """Return what the container of a run is made of, but for its labels."""
    devices = [DeviceRequest(device_ids=list(gpus), capabilities=[["gpu"]])] if gpus else []
    return {
        "image": image.id,
        "command": arguments(spec, options.device, RESULTS_IN_IMAGE, options.trials_on),
        "name": f"kit-{sweep()}-{spec.id[:12]}",
        "environment": _variables(spec, gpus, image, options),
        "mounts": _mounts(spec, gpus, options),
        "device_requests": devices,
        **sandbox(),
    }


def _mounts(spec: RunSpec, gpus: tuple[str, ...], options: SweepOptions) -> list[Mount]:
    """Return what a run's container sees: results of other runs to read, its own to write."""
    mounts = [
        mount(paths.results(), RESULTS_IN_IMAGE, read_only=True),
        mount(RunFolder(spec).path, _inside(spec)),
        mount(paths.data(), HOME / "data", read_only=True),
    ]
    if gpus or options.cores is not None:
        leases.make_folder()
        mounts.append(mount(leases.folder(), HOME / "locks"))
    return mounts


def _variables(
    spec: RunSpec, gpus: tuple[str, ...], image: DockerImage, options: SweepOptions
) -> dict[str, str]:
    """Return the environment of a run's container."""
    variables = {name: os.environ[name] for name in PASSED if name in os.environ}
    variables |= environment(gpus, options) | {
        "KIT_LOG": str(_inside(spec) / RunFolder(spec).log.name),
        "KIT_IMAGE_ID": image.id,
        "KIT_IMAGE_PINNED": str(int(lock.rejection(image, spec.task) is None)),
    }
    if image.digest is not None:
        variables["KIT_IMAGE_DIGEST"] = image.digest
    if not gpus:
        variables["NVIDIA_VISIBLE_DEVICES"] = "void"
    return variables


def _inside(spec: RunSpec) -> PurePosixPath:
    """Return where a container has the folder of its run."""
    return RESULTS_IN_IMAGE / "runs" / PurePosixPath(spec.folder)
