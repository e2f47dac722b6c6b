"""What ``-o`` asks of a method's settings, and what it may not ask."""

from __future__ import annotations

from collections.abc import Sequence

from kit.errors import KitError
from kit.settings import DataConfig, Settings
from kit.settings.common import check_milestones
from kit.task import Task


def recipe(overrides: Sequence[str]) -> str | None:
    """Return the recipe that the overrides ask for, or None."""
    pairs = (override.partition("=") for override in overrides)
    asked = [value.strip().strip("\"'") for key, _, value in pairs if key.strip() == "recipe"]
    return asked[-1] if asked else None


def check_overrides(
    overrides: Sequence[str], before: Settings, settings: Settings, task: Task
) -> None:
    """Check that each override does what it says, by the settings ``before`` them and with them.

    Raises:
        KitError: one has no effect, or does not go with the task; the line names the setting.
    """
    _check_roles(overrides, settings)
    _check_windows(task, before.data, settings.data)
    _check_constants(before.data, settings.data)
    check_milestones(before, settings)


def _check_roles(overrides: Sequence[str], settings: Settings) -> None:
    """Refuse ``-o data.roles.ROLE=...`` where ``data.split`` has that role and so takes its place.

    Raises:
        KitError: naming both settings.
    """
    for role in settings.data.split:
        for place in ("data.roles", f"data.roles.{role}"):
            if any(each.partition("=")[0].strip() == place for each in overrides) and (
                role in settings.data.roles
            ):
                raise KitError(
                    f"-o {place}: data.split.{role} = {settings.data.split[role]} takes its "
                    "place; change that, or -o 'data.split={}'"
                )


def _check_windows(task: Task, before: DataConfig, data: DataConfig) -> None:
    """Refuse ``-o`` windows of a task whose samples are whole, and whole samples of one with some.

    Raises:
        KitError: naming the setting.
    """
    if before.window and not data.window:
        raise KitError(
            f"-o data.window: {task.name} is cut into windows of {before.window}; 0 is none"
        )
    if before.window and task.dims == 2 and data.stride != before.stride:
        # Its loader makes windows at the resolution that scores are defined at.
        raise KitError(
            f"-o data.stride: {task.name} is cut into windows of {before.window}; smaller inputs "
            "are by -o data.window"
        )
    if not before.window:
        for name in ("window", "window_strides"):
            if getattr(data, name) != getattr(before, name):
                raise KitError(f"-o data.{name}: {task.name} is not cut into windows")


def _check_constants(before: DataConfig, data: DataConfig) -> None:
    """Refuse ``-o`` means and deviations by which nothing is normalised.

    Raises:
        KitError: naming the setting.
    """
    for name in ("mean", "std"):
        if data.inputs != "constants" and getattr(data, name) != getattr(before, name):
            raise KitError(
                f"-o data.{name}: inputs are normalised {data.inputs!r}; -o data.inputs=constants "
                "goes by means and deviations that are given"
            )
