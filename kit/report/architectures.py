"""Architectures in results, described by the methods of their runs as far as those know them."""

from __future__ import annotations

from kit import method, task
from kit.architecture import ArchitectureKind
from kit.errors import KitError
from kit.runs.records import Result

# What a kind may raise for settings of another version of its method.
FAULTS = (KitError, LookupError, TypeError, ValueError)


def known(result: Result) -> ArchitectureKind | None:
    """Return the kind of a run's architecture; None for none, or one that is not known here."""
    found = result.architecture
    if found is None:
        return None
    try:
        kind = method.find(result.spec.method).architecture
        if kind is None or (kind.name, kind.version) != (found.kind, found.version):
            return None
        kind.check(found.value)
    except (KitError, ValueError):
        return None
    return kind


def describe(result: Result) -> str:
    """Return a run's architecture in the notation of its space; nothing where that is unknown."""
    kind = known(result)
    if kind is None or result.architecture is None:
        return ""
    try:
        return kind.describe(result.architecture.value, result.spec, task.find(result.spec.task))
    except FAULTS:
        return ""


def sketch(result: Result) -> tuple[str, str] | None:
    """Return a run's architecture as a small SVG element, and the line that explains it, if any."""
    kind = known(result)
    if kind is None or result.architecture is None:
        return None
    try:
        return kind.sketch(result.architecture.value)
    except FAULTS:
        return None


def likeness(one: Result, other: Result) -> float:
    """Return the share of parts that two runs' architectures have in common, from 0 to 1.

    Raises:
        KitError: one of them has no architecture.
    """
    for run in (one, other):
        if run.architecture is None:
            raise KitError(f"{run.spec}: there is no architecture to compare")
    left, right, kind = one.architecture, other.architecture, known(one)
    if left is None or right is None or kind is None or known(other) is None:
        return float(left == right)
    return kind.likeness(left.value, right.value) if left.kind == right.kind else 0.0
