"""Finding task and method folders by listing, and importing their modules.

A folder is all that it takes: no list names it. Folder names have underscores, the names that
people type have hyphens.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from kit.errors import KitError
from kit.paths import PACKAGE

Thing = TypeVar("Thing")
# What importing a module with a mistake in it raises.
MISTAKES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    KitError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


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

    Raises:
        KitError: it has a mistake; the line names the file and its line.
    """
    parent = sys.modules.get(package) or _package(package)
    if str(folder.parent) not in parent.__path__:
        parent.__path__ = [*parent.__path__, str(folder.parent)]
        importlib.invalidate_caches()
    try:
        return importlib.import_module(f"{package}.{folder.name}.{module}")
    except MISTAKES as error:
        place = _place(error, folder) or str(folder / f"{module}.py")
        what = "" if isinstance(error, KitError) else f"{type(error).__name__}: "
        message = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
        raise KitError(f"{place}: {what}{message}") from error


def member(module: ModuleType, name: str, kind: type[Thing]) -> Thing:
    """Return what a folder's module must define.

    Raises:
        KitError: it does not, or as something else.
    """
    found = getattr(module, name, None)
    if not isinstance(found, kind):
        raise KitError(f"{module.__file__}: there is no {name} that is a {kind.__name__}")
    return found


def sift(
    roots: Sequence[Path], markers: Sequence[str], find: Callable[[str], Thing]
) -> tuple[dict[str, Thing], list[str]]:
    """Return what the listed folders hold, by name, and a line for each that cannot be used.

    Args:
        roots: the kit's own first; a later folder of the same name is left out, not preferred.
        markers: see ``listing``.
        find: returns what the folder of a name holds; raises a ``KitError`` if that is broken.
    """
    folders, whole = listing(roots, *markers), dict[str, Thing]()
    broken = [
        f"{folder} is left out: its name is that of {folders[name]}"
        for root in roots
        for name, folder in listing([root], *markers).items()
        if folder != folders[name] and not folder.is_relative_to(PACKAGE)
    ]
    for name, folder in folders.items():
        try:
            whole[name] = find(name)
        except KitError as error:
            broken.append(f"{folder} is left out: {error}")
    return whole, broken


def _place(error: BaseException, folder: Path) -> str | None:
    """Return the file and line of a mistake, the innermost ones in a folder."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
    return f"{inside[-1].filename}, line {inside[-1].lineno}" if inside else None


def _package(name: str) -> ModuleType:
    """Import a package of the kit, or make an empty one: others may have a 'tasks', too."""
    if name.startswith("kit."):
        return importlib.import_module(name)
    package = ModuleType(name)
    package.__path__ = []
    sys.modules[name] = package
    return package
