"""The extras of the distribution: how to install one where it is missing.

The name ``kit`` belongs to somebody else in the package registry; the distribution has its own.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from kit import paths

DISTRIBUTION = "dash-nas-kit"


def install(extra: str) -> str:
    """Return the command that installs an extra, for the end of a message.

    A checkout is named by its path, so that pip never takes the registry's other ``kit`` for it.
    """
    import importlib.metadata  # here, since only error messages need it

    root = paths.project()
    if not paths.installed() and (root / "pyproject.toml").is_file():
        place = "." if Path.cwd() == root else root
        return f"pip install -e {shlex.quote(f'{place}[{extra}]')}"
    try:
        importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return f"images lack the extra {extra!r}; a checkout or a wheel of the kit can have it"
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def absent(error: ModuleNotFoundError) -> str:
    """Return the line about a package that an engine needs; Ray is one of the extras."""
    line = f"the package {error.name} is not installed"
    return f"{line}: {install('ray')}" if error.name == "ray" else line
