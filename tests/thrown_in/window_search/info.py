"""window-search: lengths of moving means, chosen by trials, beside what ``majority`` counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta

from kit import method, task
from kit.method import MethodInfo
from kit.settings import Positive, TrainingSettings
from kit.spec import RunSpec

from .windows import Windows


class WindowSettings(TrainingSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings.

    Attributes:
        candidates: chains of window lengths to try.
        architecture: given, it takes the search's place.
        halve_from: the epoch from which on the learning rate is halved, a schedule of its own.
    """

    candidates: Annotated[tuple[tuple[Positive, ...], ...], Meta(min_length=1)]
    architecture: tuple[Positive, ...] | None = None
    halve_from: Positive


class WindowInfo(MethodInfo):
    """Reads a run of ``majority`` of the same seed."""

    def inputs(self, spec: RunSpec) -> Mapping[str, RunSpec]:
        """Return the run whose label is where this one begins."""
        other = method.find("majority").spec(
            task.find(spec.task),
            spec.seed,
            protocol=spec.protocol,
            profile=spec.profile,
            tier=spec.tier,
        )
        return {"label": other}


METHOD = WindowInfo(
    name="window-search",
    title="Window search",
    version=1,
    stages=("search", "evaluate"),
    settings_type=WindowSettings,
    dims=(1,),
    architecture=Windows(),
)
