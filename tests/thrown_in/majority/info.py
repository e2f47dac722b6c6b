"""majority: the class that is there most often, whatever the input."""

from __future__ import annotations

from kit.method import MethodInfo
from kit.settings import Settings
from kit.task import Task


class MajoritySettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings."""

    bonus: int = 0


class Majority(MethodInfo):
    """Applies to classes."""

    def applies(self, task: Task) -> str | None:
        """Return None, or that the task has no classes."""
        return None if task.kind == "point" else "it votes on classes"


METHOD = Majority(
    name="majority",
    title="Majority class",
    version=1,
    stages=("count",),
    settings_type=MajoritySettings,
)
