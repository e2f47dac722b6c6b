"""Which engine runs a sweep, and where it can put runs."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Protocol, runtime_checkable

from kit import extras
from kit.engines import devices, visible
from kit.engines.engine import Engine, SweepOptions
from kit.engines.slots import Cpu, Gpus, Slots
from kit.errors import UnavailableError
from kit.spec import RunSpec

NO_NETWORK = "--trials-on: containers have no network; local:N works in them"


@runtime_checkable
class ClusterEngine(Protocol):
    """An engine whose runs go to other machines than this one."""

    def slots(self, specs: Sequence[RunSpec], limit: int | None) -> Slots:
        """Return where these runs can go, at most ``limit`` at a time; none where none are known.

        Raises:
            UnavailableError: there is a task whose runs no machine can take.
        """


def connect(
    name: str,
    specs: Sequence[RunSpec],
    options: SweepOptions,
    log: Callable[[str], None] = lambda _: None,
) -> Engine:
    """Return the engine of that name; ``auto`` is containers where they can be had.

    Raises:
        UnavailableError: the engine cannot run these here; the line says why.
    """
    reason = _unusable("docker" if name == "auto" else name, specs, options)
    if name == "auto":
        name = "local" if reason else "docker"
        how = f"as processes, not in containers: {reason}" if reason else "in containers"
        log(f"runs start {how}")
    elif reason is not None:
        raise UnavailableError(f"engine {name}: {reason}")
    engine: Engine = _module(name).connect(options)
    return engine


def _unusable(name: str, specs: Sequence[RunSpec], options: SweepOptions) -> str | None:
    try:
        reason: str | None = _module(name).unusable(specs, options)
    except ModuleNotFoundError as error:
        return extras.absent(error)
    return reason


def of_machine(options: SweepOptions) -> Engine:
    """Return what makes the runs of a cluster on this node: containers where it has an engine."""
    try:
        engine: Engine = _module("docker").connect(options)
    except (ModuleNotFoundError, UnavailableError):
        engine = _module("local").connect(options)
    return engine


def machine_rejection(specs: Sequence[RunSpec], options: SweepOptions) -> str | None:
    """Return why this node's engine cannot run these, such as an image that is not built."""
    engine = of_machine(options)
    try:
        if engine.name == "docker" and trials_elsewhere(options.trials_on):
            return NO_NETWORK
        return _unusable(engine.name, specs, options)
    finally:
        engine.close()


def trials_elsewhere(trials_on: str | None) -> bool:
    """Tell whether runs train their trials on a Ray cluster."""
    return trials_on is not None and not trials_on.startswith("local")


def slots(wanted: str | None, jobs: int | None, device: str | None, share: int = 1) -> Slots:
    """Return where runs go: onto GPUs if there are any, else so many at a time onto the CPU.

    Args:
        wanted: ``--gpus``: numbers or UUIDs.
        jobs: at most so many at a time; default: one per GPU (times ``share``), or per core.
        device: ``cpu`` leaves the GPUs alone.
        share: how many runs may share a GPU.
    """
    uuids = [] if device == "cpu" else visible.allowed(wanted)
    if uuids is None:
        uuids = [gpu.uuid for gpu in devices.gpus()]
    if not uuids:
        cores = len(os.sched_getaffinity(0))
        return Cpu(jobs or cores, max(jobs or 0, cores))
    return Gpus(uuids, share, limit=jobs)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"kit.engines.{name}")
