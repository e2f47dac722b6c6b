"""expert: the hand-made network of each task (NAS-Bench-360, appendix C)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kit.method import MethodInfo
from kit.settings import TrainingSettings
from kit.task import Task

Option = bool | int | float | str


class ExpertSettings(TrainingSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of an expert.

    Attributes:
        build: options of the ``build`` of the task's module.
        fit: options of the ``fit`` of the task's module, where it defines one.
    """

    build: Mapping[str, Option] = {}
    fit: Mapping[str, Option] = {}


@dataclass(frozen=True, kw_only=True)
class ExpertInfo(MethodInfo):
    """Applies to the tasks that have an expert."""

    def applies(self, task: Task) -> str | None:
        """Return None if the task has an expert, else the reason why not."""
        module = task.folder.name
        if any(
            _builds(file)
            for file in (task.folder / "expert.py", Path(__file__).parent / f"{module}.py")
        ):
            return None
        return (
            f"it has no expert: no expert.py with a build() in its folder, nor a {module}.py here"
        )


def _builds(file: Path) -> bool:
    """Tell whether a module defines ``build``, without importing it, and so torch."""
    return file.exists() and "\ndef build(" in file.read_text(encoding="utf-8")


METHOD = ExpertInfo(
    name="expert",
    title="Expert",
    version=2,
    stages=("train",),
    settings_type=ExpertSettings,
)
