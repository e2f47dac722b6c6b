"""Where things lie: the project, its tasks, its data, its results. Environment variables win."""

from __future__ import annotations

import os
from pathlib import Path

from kit.errors import KitError


def project() -> Path:
    """Return the checkout that holds this package, or the current folder if it holds none."""
    checkout = Path(__file__).resolve().parent.parent
    return checkout if (checkout / "tasks").is_dir() else Path.cwd()


def data() -> Path:
    """Return the folder of raw and prepared data (``KIT_DATA``)."""
    return _moved("KIT_DATA", "data")


def results() -> Path:
    """Return the folder of results (``KIT_RESULTS``)."""
    return _moved("KIT_RESULTS", "results")


def tasks() -> list[Path]:
    """Return the folders that hold task folders (``KIT_TASKS``, several joined by ``:``).

    Raises:
        KitError: ``KIT_TASKS`` names what is no folder.
    """
    return _several("KIT_TASKS") or [project() / "tasks"]


def methods() -> list[Path]:
    """Return the folders that hold method folders: the kit's own, then ``KIT_METHODS``.

    Raises:
        KitError: ``KIT_METHODS`` names what is no folder.
    """
    return [Path(__file__).resolve().parent / "methods", *_several("KIT_METHODS")]


def _moved(variable: str, default: str) -> Path:
    value = os.environ.get(variable)
    return Path(value).expanduser().absolute() if value else project() / default


def _several(variable: str) -> list[Path]:
    parts = os.environ.get(variable, "").split(os.pathsep)
    found = [Path(part).expanduser().absolute() for part in parts if part]
    for folder in found:
        if not folder.is_dir():
            raise KitError(f"{variable}: {folder} is not a folder")
    return found
