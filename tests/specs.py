"""Specs of small runs."""

from __future__ import annotations

from kit import method, task
from kit.spec import Protocol, RunSpec


def smoke_spec(
    name: str,
    *overrides: str,
    of: str = "darcy-flow",
    seed: int = 0,
    protocol: Protocol = "released",
) -> RunSpec:
    """Return a run of a method at profile smoke, on data of a task that the kit generates."""
    found = task.find(of)
    return method.find(name).spec(
        found,
        seed,
        protocol=protocol,
        profile="smoke",
        tier=found.tiers[-1],
        overrides=overrides,
    )
