"""Architectures that a run takes in place of its search: a file's, or one that authors released.

Those that a method's authors released are ``architectures/TASK/seed-N.json`` in its folder; the
suffix is free.
"""

from __future__ import annotations

from pathlib import Path

from kit.architecture import load
from kit.errors import KitError
from kit.method.info import MethodInfo
from kit.settings import toml
from kit.task import find

# Stands for the architecture that a method's authors released.
RELEASED = "released"


def released(info: MethodInfo, task: str) -> dict[int, Path]:
    """Return the files of the architectures on a task that the authors released, by seed."""
    found = _folder(info, task).glob("seed-*.*")
    numbers = ((file.stem.removeprefix("seed-"), file) for file in sorted(found))
    return {int(number): file for number, file in numbers if number.isdecimal()}


def unseeded(info: MethodInfo, task: str) -> list[Path]:
    """Return the files of released architectures on a task that belong to no seed."""
    return sorted({*_folder(info, task).glob("*.*")} - {*released(info, task).values()})


def override(info: MethodInfo, file: str, task: str, seed: int) -> str:
    """Return the override that gives a run an architecture in place of its search.

    The word ``released`` stands for the file that the authors released for the task and seed.

    Raises:
        KitError: the method searches nothing, or there is no such file, or no such thing in it.
    """
    kind = info.architecture
    if kind is None or "architecture" not in info.settings_type.__struct_fields__:
        raise KitError(f"method {info.name} searches nothing: it takes no --architecture")
    path = _released(info, task, seed) if file == RELEASED else Path(file)
    return f"architecture={toml(kind.setting(load(path, kind), find(task)))}"


def _released(info: MethodInfo, task: str, seed: int) -> Path:
    known = released(info, task)
    if seed in known:
        return known[seed]
    hint = "see 'kit list architectures'"
    if known:
        hint = f"there are seeds {', '.join(map(str, sorted(known)))}"
    elif files := unseeded(info, task):
        hint = f"these are of no seed: --architecture {' or '.join(map(str, files))}"
    raise KitError(
        f"method {info.name} has no released architecture for {task}, seed {seed}; {hint}"
    )


def _folder(info: MethodInfo, task: str) -> Path:
    return info.folder / "architectures" / task
