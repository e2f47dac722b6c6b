"""Provenance: which code, which libraries, which machine. No names of users or hosts."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

from kit import paths, task
from kit.files import sha256

CODE = (".py", ".toml", ".csv", ".json", ".txt")


def code_hash(task_folder: Path, *method_folders: Path) -> str:
    """Return one hash over the code of ``kit/``, of the task, and of methods from elsewhere."""
    others = [folder for folder in method_folders if not folder.is_relative_to(paths.PACKAGE)]
    return hash_of([paths.PACKAGE, task_folder, *others])


def code_of_task(name: str) -> str:
    """Return the hash of the code that makes runs of a task here, methods from elsewhere apart."""
    return code_hash(task.find(name).folder)


def hash_of(places: Iterable[Path]) -> str:
    """Return one hash over the names and contents of all code in folders, or of single files.

    The tasks that a wheel brings inside the package are no part of the package's code.
    """
    digest = hashlib.sha256()
    for place in places:
        for file in _code(place):
            name = str(file).removeprefix(f"{place.parent}{os.sep}")
            digest.update(f"{name} {sha256(file)}\n".encode())
    return digest.hexdigest()


def _code(place: Path) -> list[Path]:
    """Return the files of code in a folder, or the single file, in order."""
    if place.is_file():
        return [place] if place.suffix in CODE else []
    files = []
    for folder, folders, names in os.walk(place):
        if Path(folder) == paths.PACKAGE:
            folders[:] = [name for name in folders if name != "tasks"]
        files += [Path(folder, name) for name in names if name.endswith(CODE)]
    return sorted(filter(Path.is_file, files))


def git_state() -> tuple[str | None, bool | None]:
    """Return (commit, whether files differ from it), or Nones outside a checkout.

    An image carries its commit in ``KIT_GIT_SHA``, with ``-dirty`` behind it where files differed.
    """
    if baked := os.environ.get("KIT_GIT_SHA"):
        return baked.removesuffix("-dirty"), baked.endswith("-dirty")
    if paths.installed():
        return None, None  # the current folder may be a checkout of something else
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return None, None
    return commit, bool(_git("status", "--porcelain", "--untracked-files=no"))


def python_version() -> str:
    """Return the version of Python."""
    return platform.python_version()


def processor() -> str:
    """Return the kind of this machine's processor, as far as the system tells it."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    first = told.partition("\n\n")[0].splitlines()
    facts = {name.strip(): value.strip() for name, _, value in (x.partition(":") for x in first)}
    if "model name" not in facts:
        return platform.machine()
    return "{} {}.{}".format(*(facts.get(x, "?") for x in ("model name", "cpu family", "model")))


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(paths.project()), *arguments]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
