"""``kit doctor``: is this machine fit for the kit, and what would help."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import shutil
from collections.abc import Callable
from itertools import product
from pathlib import Path

import click

from kit import __version__, extras, paths
from kit.cli import options
from kit.cli.output import print_json
from kit.columns import size
from kit.errors import KitError, UnavailableError
from kit.files import locked

GB = 1e9
# Modules whose checks() look at every node.
CLUSTERS = {"ray": "kit.engines.ray.cluster", "slurm": "kit.engines.slurm.probe"}
# What is checked, whether all is well, and what was found.
Check = tuple[str, bool, str]


@click.command(name="doctor")
@click.option(
    "--engine", type=click.Choice(list(CLUSTERS)), help="Also check every node of this cluster."
)
@options.formats("text", "json")
def command(engine: str | None, form: str) -> None:
    """Check Python, torch, GPUs, Docker, disk and data.

    With --engine, also check the nodes of a cluster: their GPUs, images and data, and whether they
    share the results folder. Each node reads a word there, writes one, and tries a lock that is
    held here.

    The exit code is 1 if something is wrong.
    """
    checks = [_python(), _torch(), _gpus(), _docker(), _disk()]
    checks += [_told("folders", _folders), _told("data", _data)]
    if engine is not None:
        checks += _cluster(engine)
    if form == "json":
        rows = [{"check": name, "ok": ok, "detail": detail} for name, ok, detail in checks]
        print_json(rows)
    else:
        for name, ok, detail in checks:
            click.echo(f"{'ok ' if ok else 'BAD'}  {name:7} {detail}")
    if not all(ok for _, ok, _ in checks):
        raise click.exceptions.Exit(1)


def _told(name: str, check: Callable[[], Check]) -> Check:
    """Return what a check finds, or which variable keeps it from looking."""
    try:
        return check()
    except KitError as error:
        return name, False, str(error)


def _cluster(name: str) -> list[Check]:
    try:
        return list(importlib.import_module(CLUSTERS[name]).checks())
    except ModuleNotFoundError as error:
        raise UnavailableError(f"engine {name}: {extras.absent(error)}") from None


def _python() -> Check:
    cores = len(os.sched_getaffinity(0))
    place = "from a wheel" if paths.installed() else f"in {paths.project()}"
    version = platform.python_version()
    return "python", True, f"{version} on {cores} cores; kit {__version__} {place}"


def _torch() -> Check:
    try:
        return "torch", True, importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return "torch", False, "not installed; 'make setup' in a checkout, else 'pip install torch'"


def _gpus() -> Check:
    from kit.engines import leases
    from kit.engines.devices import find

    try:
        found = find()
    except UnavailableError as error:
        return "gpu", False, str(error)
    if not found.gpus and not found.broken:
        return "gpu", True, "none: use profile lite or smoke"
    why = leases.free().reasons if found.gpus else {}
    each = [
        f"{gpu.number} {gpu.model} ({gpu.memory / GB:.0f} GB): {why.get(gpu.uuid, 'free')}"
        for gpu in found.gpus
    ]
    each += [f"{number}: {reason}" for number, reason in found.broken.items()]
    if found.gpus:
        from kit.engines import torch_device  # which loads torch

        try:
            torch_device.check()
        except KitError as error:
            return "gpu", False, f"{'; '.join(each)}; {error}"
    return "gpu", not found.broken, "; ".join(each)


def _docker() -> Check:
    try:
        from kit.containers.client import connect
    except ModuleNotFoundError as error:
        return "docker", True, f"no package {error.name}: runs start as plain processes"
    try:
        version = connect().version()["Version"]
    except UnavailableError as error:
        return "docker", True, f"none: runs start as plain processes; {error}"
    return "docker", True, f"engine {version}"


def _disk() -> Check:
    try:
        folder = paths.existing(paths.results())
    except KitError as error:
        return "disk", False, f"{os.environ['KIT_RESULTS']} is no folder to write to; {error}"
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        return "disk", False, f"{folder} is no folder to write to; KIT_RESULTS names another one"
    try:
        for place in filter(Path.is_dir, (folder, paths.data())):
            with locked(place / ".doctor.lock"):
                pass
    except KitError as error:
        return "disk", False, str(error)
    except OSError as error:
        return "disk", False, f"{error.filename}: {error.strerror}"
    free = shutil.disk_usage(folder).free
    return "disk", free > 2 * GB, f"{size(free)} free for results in {paths.results()}"


def _folders() -> Check:
    from kit import method, task

    broken = [*task.broken(), *method.broken()]
    whole = f"{len(task.names())} tasks, {len(method.names())} methods"
    return "folders", not broken, "; ".join(broken) or whole


def _data() -> Check:
    from kit import task
    from kit.data.prepared import folder_of
    from kit.data.preparing import state
    from kit.spec import PROFILES

    ready = {
        f"{each.name} ({folder_of(each, tier, profile).name})"
        for each in map(task.find, task.names())
        for tier, profile in product(each.tiers, PROFILES)
        if state(each, tier, profile).ready
    }
    told = ", ".join(sorted(ready)) or "none prepared"
    told += "; 'kit data list' shows how to get more"
    return "data", True, f"{told}; in {paths.data()}"
