"""Runs that a plan lacks, written down as Jobs of Kubernetes for kubectl."""

from __future__ import annotations

import re
import shlex
import time
from typing import TYPE_CHECKING

import click

from kit.columns import plural
from kit.errors import KitError

if TYPE_CHECKING:
    from kit.plan.records import Plan

# What Kubernetes takes; it would refuse others only once the manifest is there.
NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,61}[a-z0-9])?")


def submit(
    plan: Plan,
    dry_run: bool,
    *,
    device: str | None,
    jobs: int | None,
    namespace: str,
    queue: str | None,
    claims: str,
) -> None:
    """Write the manifest of the runs that a plan lacks to a file, and print how it is applied.

    Args:
        plan: what there is to do.
        dry_run: print the manifest instead.
        device: ``cpu`` for pods without GPUs.
        jobs: pods of a Job at a time; None for all.
        namespace: of all that is made.
        queue: a local queue of Kueue's, if it is to decide when a Job begins.
        claims: two names of volume claims, ``RESULTS,DATA``.

    Raises:
        KitError: Kubernetes would refuse a name, or a run needs another one first.
    """
    import msgspec

    from kit import paths
    from kit.engines import kubernetes
    from kit.engines.jobs import Job
    from kit.files import write_bytes

    results, comma, data = claims.partition(",")
    if not (results and comma and data):
        raise KitError(f"--claims takes two names, RESULTS,DATA, not {claims!r}")
    cluster = kubernetes.KubernetesConfig(
        namespace=_name("namespace", namespace),
        queue=None if queue is None else _name("queue", queue),
        results=_name("claims", results),
        data=_name("claims", data),
        at_a_time=jobs,
        device=device,
    )
    todo = [Job.planned(run) for run in plan.todo]
    if not (todo or dry_run):
        click.echo("nothing to submit; 'kit table' shows what is done")
        return
    text = msgspec.json.format(msgspec.json.encode(kubernetes.manifest(todo, cluster)), indent=2)
    if dry_run:
        click.echo(text)
        return
    file = paths.results() / "kubernetes" / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    write_bytes(file, text + b"\n")
    count = plural(len(todo), "run")
    click.echo(f"{count}, {kubernetes.NOTE}: kubectl apply -f {shlex.quote(str(file))}")


def _name(option: str, name: str) -> str:
    """Return a name that an option gives.

    Raises:
        KitError: Kubernetes takes no such names.
    """
    if not NAME.fullmatch(name):
        raise KitError(
            f"--{option}: {name!r:.80} is no name in Kubernetes: up to 63 small letters, "
            "digits, '-' and '.', with a letter or digit at both ends"
        )
    return name
