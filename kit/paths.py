"""Where things lie: the project, its tasks, its data, its results. Environment variables win.

In a checkout all of it lies there. Of a wheel the tasks came along, in the package, and the current
folder has the rest.
"""

from __future__ import annotations

import os
from pathlib import Path

from kit.errors import DataError, KitError

PACKAGE = Path(__file__).resolve().parent


def installed() -> bool:
    """Return whether the package came by a wheel, which brings the tasks inside it."""
    return (PACKAGE / "tasks").is_dir()


def project() -> Path:
    """Return the checkout, or image, that holds this package; of a wheel, the current folder."""
    return Path.cwd() if installed() else PACKAGE.parent


def checkout(stream: str) -> Path:
    """Return the checkout that holds this package.

    Args:
        stream: what needs it, as the line to the user begins.

    Raises:
        KitError: the package came by a wheel.
    """
    if installed():
        raise KitError(f"{stream} need a checkout of the kit: a wheel has no docker/ and no pins")
    return project()


def data() -> Path:
    """Return the folder of raw and prepared data (``KIT_DATA``).

    Raises:
        DataError: the variable names a file.
        KitError: it names a link that leads nowhere, or an unknown home.
    """
    return _moved("KIT_DATA", "data")


def results() -> Path:
    """Return the folder of results (``KIT_RESULTS``).

    Raises:
        KitError: the variable names a file, a link that leads nowhere, or an unknown home.
    """
    return _moved("KIT_RESULTS", "results")


def runs() -> Path:
    """Return the folder of all runs, which is one of the results.

    Raises:
        KitError: see ``results``.
    """
    return results() / "runs"


def tasks() -> list[Path]:
    """Return the folders that hold task folders: the kit's own, then ``KIT_TASKS``.

    The variable may name several, joined by ``:``. Of a wheel the current folder's come first.

    Raises:
        KitError: ``KIT_TASKS`` names what is no folder, or an unknown home.
    """
    shipped = [PACKAGE / "tasks"] if installed() else []
    return [project() / "tasks", *shipped, *_several("KIT_TASKS")]


def new_tasks() -> Path:
    """Return the folder that one's own tasks are written to: the first of ``KIT_TASKS``, if any.

    Raises:
        KitError: ``KIT_TASKS`` names what is no folder, or an unknown home.
    """
    return next(iter(_several("KIT_TASKS")), project() / "tasks")


def methods() -> list[Path]:
    """Return the folders that hold method folders: the kit's own, then ``KIT_METHODS``.

    Raises:
        KitError: ``KIT_METHODS`` names what is no folder, or an unknown home.
    """
    return [PACKAGE / "methods", *_several("KIT_METHODS")]


def existing(folder: Path) -> Path:
    """Return a folder if it is there, else the nearest one above it that is."""
    return next(each for each in (folder, *folder.parents) if each.exists())


def _moved(variable: str, default: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        return project() / default
    path = expanded(variable, value)
    for each in (path, *path.parents):
        if each.is_symlink() and not each.exists():
            raise KitError(f"{variable}: {each} leads to {each.readlink()}, which is not there")
    if path.exists() and not path.is_dir():
        # A run without its data is of another class than one that cannot begin.
        kind = DataError if variable == "KIT_DATA" else KitError
        raise kind(f"{variable} is a file: {path}: Not a directory")
    return path


def _several(variable: str) -> list[Path]:
    parts = os.environ.get(variable, "").split(os.pathsep)
    found = [expanded(variable, part) for part in parts if part]
    for folder in found:
        if not folder.is_dir():
            raise KitError(f"{variable}: {folder} is not a folder")
    return found


def expanded(variable: str, value: str) -> Path:
    """Return the absolute path that the value of a variable of the environment stands for.

    Raises:
        KitError: it is below an unknown home.
    """
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError:
        raise KitError(f"{variable}: {value}: no such home folder is known") from None
