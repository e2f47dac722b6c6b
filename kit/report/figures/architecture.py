"""The architecture that a run found, drawn and told by the method that searched it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from kit import task
from kit.errors import KitError
from kit.report import architectures
from kit.report.figures import WIDE, new
from kit.runs.folder import read_result
from kit.runs.names import RESULT
from kit.runs.records import ArchitectureRecord, Result
from kit.spec import RunSpec


class ArchitectureFigure(msgspec.Struct, frozen=True):
    """A figure with its data; ``text`` is empty for a kind that is not known here."""

    title: str
    spec: RunSpec
    architecture: ArchitectureRecord
    text: str


def make(folder: Path) -> ArchitectureFigure:
    """Return what a finished run found.

    Raises:
        KitError: the run has no result, or searched nothing.
    """
    result = _read(folder)
    if result.architecture is None:
        raise KitError(f"{result.spec} has no architecture: its method searches none")
    spec = result.spec
    title = f"{spec.task} {spec.method} seed {spec.seed} (profile {spec.profile}, tier {spec.tier})"
    return ArchitectureFigure(title, spec, result.architecture, architectures.describe(result))


def text(found: ArchitectureFigure) -> str:
    """Return the title and, below it, the notation or, where there is none, the value as JSON."""
    shown = found.text or (
        f"{found.architecture.kind}, version {found.architecture.version}:\n"
        f"{msgspec.json.encode(found.architecture.value).decode()}\n"
    )
    return f"{found.title}\n{shown}"


def draw(folder: Path) -> Any:
    """Return the matplotlib figure.

    Raises:
        KitError: as ``make``; or there is nobody here who could draw it.
    """
    result, found = _read(folder), make(folder)
    kind = architectures.known(result)
    if kind is None:
        raise KitError(
            f"{found.spec} has an architecture of kind {found.architecture.kind!r}, version "
            f"{found.architecture.version}, which its method here cannot draw"
        )
    figure = new(WIDE, 3)
    axes = figure.subplots()
    try:
        kind.draw(axes, found.architecture.value, found.spec, task.find(found.spec.task))
    except architectures.FAULTS as error:
        raise KitError(f"{found.spec} cannot be drawn: {error}") from None
    axes.set_title(found.title, fontsize=8, loc="left")
    return figure


def _read(folder: Path) -> Result:
    try:
        return read_result(folder / RESULT)
    except FileNotFoundError:
        raise KitError(
            f"{folder} has no valid result: the run is not finished; 'kit run' finishes it"
        ) from None
    except (OSError, ValueError) as error:
        raise KitError(f"{folder} has no valid result: {error}") from None
