"""The restrictions that all containers of the kit have."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import Any

from docker.types import LogConfig, Mount

from kit import environment

# Where things lie in an image; see docker/Dockerfile.
HOME = PurePosixPath("/kit")
PIDS = 4096
SHARED_MEMORY = "1g"
# Part of the machine's memory that a container may use without KIT_MEMORY; the rest is for
# everything else, which the kernel might kill otherwise.
MEMORY = 0.9
# What Docker keeps of a container's output.
OUTPUT = {"max-size": "1m", "max-file": "1"}


def options() -> dict[str, Any]:
    """Return the Docker options of a container that runs as the caller, shut in.

    It has no network and no capabilities, and can write to ``/tmp``, which lies in memory, and to
    what is mounted writable.

    Raises:
        KitError: ``KIT_MEMORY`` is no size.
    """
    asked = environment.memory()
    memory = memory_of_machine() if asked is None else asked
    return {
        "user": f"{os.getuid()}:{os.getgid()}",
        "init": True,
        "network_mode": "none",
        "read_only": True,
        "tmpfs": {"/tmp": ""},
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": memory,
        "memswap_limit": memory,
        "shm_size": SHARED_MEMORY,
        "pids_limit": PIDS,
        "log_config": LogConfig(type=LogConfig.types.JSON, config=OUTPUT),
        # Or the proxies of Docker's configuration, passwords and all, would be variables.
        "use_config_proxy": False,
    }


def mount(source: os.PathLike[str], target: PurePosixPath, read_only: bool = False) -> Mount:
    """Return a folder of the host as a container is to see it."""
    return Mount(str(target), os.fspath(source), type="bind", read_only=read_only)


def memory_of_machine() -> int:
    """Return how many bytes a container may use where nothing else is said."""
    return int(MEMORY * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
