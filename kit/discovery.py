"""Finding task and method folders by listing, and importing their modules.

A folder is all that it takes: no list names it. Folder names have underscores, the names that
people type have hyphens.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType


def listing(roots: Iterable[Path], *markers: str) -> dict[str, Path]:
    """Return name -> folder for each folder below ``roots`` that holds a file of such a name."""
    found: dict[str, Path] = {}
    for root in roots:
        for file in sorted(file for marker in markers for file in root.glob(f"*/{marker}")):
            found.setdefault(file.parent.name.replace("_", "-"), file.parent)
    return dict(sorted(found.items()))


def load(package: str, folder: Path, module: str) -> ModuleType:
    """Import ``module`` of a listed folder as part of ``package``, wherever the folder lies.

    The folder's own modules can import each other relatively.
    """
    parent = sys.modules.get(package) or _package(package)
    if str(folder.parent) not in parent.__path__:
        parent.__path__ = [*parent.__path__, str(folder.parent)]
        importlib.invalidate_caches()
    return importlib.import_module(f"{package}.{folder.name}.{module}")


def _package(name: str) -> ModuleType:
    """Import a package of the kit, or make an empty one: others may have a 'tasks', too."""
    if name.startswith("kit."):
        return importlib.import_module(name)
    package = ModuleType(name)
    package.__path__ = []
    sys.modules[name] = package
    return package
