"""Which part of a paper's table is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit import method, papers, task
from kit.errors import KitError, unknown
from kit.papers import runs_behind
from kit.spec import Profile, Protocol, Tier

# The rows that 'reproduce' fills unless asked for more: the DASH family and its backbones.
DEFAULT_METHODS = ("wrn", "tcn", "convnext", "baby-dash", "dash", "dash-tcn", "dash-convnext")


@dataclass(frozen=True)
class PlanRequest:
    """Which part of a table is wanted; empty sequences mean the default."""

    paper: str
    table: int
    profile: Profile
    protocol: Protocol
    tier: Tier | None = None
    tasks: Sequence[str] = ()
    methods: Sequence[str] = ()
    seeds: Sequence[int] = ()
    all_methods: bool = False
    retry_failed: bool = False


def tasks_of(request: PlanRequest) -> list[str]:
    """Return the tasks of the table that are wanted, in its order.

    Raises:
        KitError: one is unknown or not in the table.
    """
    columns = list(dict.fromkeys(key.task for key in runs_behind(request.paper, request.table)))
    known = task.names()
    for name in request.tasks:
        if name not in known:
            raise unknown("task", name, known)
        if name not in columns:
            raise KitError(f"{name} is not in table {request.table} of {request.paper}")
    return [name for name in columns if name in (request.tasks or known)]


def methods_of(request: PlanRequest) -> list[str]:
    """Return the methods of the table that are wanted, in its order.

    Raises:
        KitError: one is unknown or not in the table, where that takes no others.
    """
    rows = list(dict.fromkeys(key.method for key in runs_behind(request.paper, request.table)))
    known = method.names()
    for name in request.methods:
        if name not in known:
            raise unknown("method", name, known)
        if name not in rows:
            if not papers.layout(request.paper, request.table).others:
                raise KitError(f"{name} is not in table {request.table} of {request.paper}")
            rows.append(name)
    rows = [name for name in rows if name in known]
    if request.methods:
        return [name for name in rows if name in request.methods]
    ours = [] if request.all_methods else [name for name in rows if name in DEFAULT_METHODS]
    return ours or rows
