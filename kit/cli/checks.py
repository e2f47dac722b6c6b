"""Checks before anything runs: the device, the environment, the hours without a GPU."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from kit.cli import options
from kit.errors import KitError

if TYPE_CHECKING:
    from kit.spec import RunSpec

# Full runs that are estimated to take more hours on a CPU are refused without a GPU.
CPU_HOURS = 4.0


def usable_device(name: str) -> str:
    """Return the name of a device.

    Raises:
        KitError: it is ``cuda``, and there is no GPU.
    """
    from kit.engines.devices import gpus

    if name == "cuda" and not gpus():
        raise KitError("no GPU is usable here; use --device cpu")
    return name


def check_variables() -> None:
    """Check the environment variables that runs read: a wrong one would make every run fail.

    Raises:
        KitError: one is not what it has to be.
    """
    from kit import environment

    for name in (environment.CHECKPOINT_SECONDS, environment.TAKE_BUSY):
        environment.number(name)
    environment.memory()
    # Every run reads them, as defaults of the options of ``kit run``.
    threads, seeds = os.environ.get("KIT_THREADS", ""), os.environ.get("KIT_SEEDS", "").split()
    for name, values, kind in (
        ("KIT_THREADS", [threads] if threads else [], options.THREADS),
        ("KIT_SEEDS", seeds, options.SEED),
    ):
        try:
            for value in values:
                kind(value)
        except click.BadParameter as error:
            raise KitError(f"{name}: {error.message}") from None


def needs_gpu(
    profile: str,
    device: str | None,
    force: bool,
    engine: str = "local",
    specs: Sequence[RunSpec] = (),
) -> None:
    """Refuse full runs that take too long where there is no GPU.

    What a cluster has, its engine looks at.

    Args:
        profile: of the runs; reduced ones are made for CPUs.
        device: what was asked for.
        force: whether to run all the same.
        engine: where the runs go.
        specs: the runs, for an estimate of their hours; without any, they count as long.

    Raises:
        KitError: pointing to ``lite``.
    """
    from kit.engines.devices import gpus

    if profile != "paper" or force:
        return
    if device != "cpu" and (engine == "ray" or gpus()):
        return
    from kit.estimate import cpu_hours

    hours = cpu_hours(specs) if specs else None
    if hours is not None and hours <= CPU_HOURS:
        return
    length = f"about {hours:.0f} hours" if hours is not None and hours < 48 else "days"
    raise KitError(
        f"profile paper takes {length} without a GPU, and none is used here; "
        "use --profile lite (minutes on a CPU), or --force"
    )
