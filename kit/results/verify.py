"""Verifying runs: result, spec, history, and the hash of every artifact."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from kit.files import sha256
from kit.runs import integrity
from kit.runs.folder import read_result
from kit.runs.names import ATTEMPT, HISTORY, RESULT, SPEC, files
from kit.runs.records import Result, decode_spec

# Endings of a run's records, which others need beside its artifacts; SCAFFOLDING they do not.
RECORDS = (".json", ".jsonl", ".txt")
SCAFFOLDING = (ATTEMPT,)
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Problem:
    """What is wrong with a run; ``path`` is below the folder of runs."""

    path: Path
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


@dataclass(frozen=True)
class Verified:
    """The folders of all runs that are whole, and the problems of the others."""

    whole: dict[Path, Result]
    problems: list[Problem]

    @property
    def undigested(self) -> list[Path]:
        """Whole runs of older kits, whose results carry no digest: their edits go unnoticed."""
        return [place for place, result in self.whole.items() if result.digest is None]


def verify(runs: Path, progress: Callable[[int, int], None] = lambda *_: None) -> Verified:
    """Verify every run below a folder that has a ``result.json``."""
    found = files(runs, RESULT)
    whole, problems = {}, list[Problem]()
    for number, file in enumerate(found):
        progress(number, len(found))
        place = file.parent.relative_to(runs)
        try:
            result = read_result(file)
        except (ValueError, OSError) as error:
            problems.append(Problem(place, f"result.json: {error}"))
            continue
        wrong = [Problem(place, text) for text in _problems(file.parent, result)]
        problems += wrong
        if not wrong:
            whole[place] = result
    return Verified(whole, problems)


def files_of(folder: Path, result: Result) -> list[Path]:
    """Return the files of a run that matter to others, sorted: records and artifacts."""
    artifacts = {artifact.name for artifact in result.artifacts}
    return sorted(
        file
        for file in folder.rglob("*")
        if file.is_file()
        and not file.is_symlink()
        and not file.name.startswith(".")
        and (
            file.relative_to(folder).as_posix() in artifacts
            or (file.suffix in RECORDS and file.name not in SCAFFOLDING)
        )
    )


def _problems(folder: Path, result: Result) -> list[str]:
    problems = [
        f"its {what} is named {name!a:.80}"
        for what, name in (("task", result.spec.task), ("method", result.spec.method))
        if not NAME.fullmatch(name)
    ]
    try:
        spec = decode_spec((folder / SPEC).read_bytes())
        if spec != result.spec:
            problems.append("spec.json is not the spec of its result")
    except (OSError, msgspec.MsgspecError) as error:
        problems.append(f"spec.json: {_line(error)}")
    problem = integrity.history_problem(result, folder / HISTORY)
    problems += [problem] if problem else _history(folder / HISTORY)
    for artifact in result.artifacts:
        name = PurePosixPath(artifact.name)
        if name.is_absolute() or ".." in name.parts:
            problems.append(f"{artifact.name!a:.80} lies outside of the run's folder")
        elif not (folder / name).is_file():
            problems.append(f"{artifact.name} is missing")
        elif sha256(folder / name) != artifact.sha256:
            problems.append(f"{artifact.name} has another SHA-256 than its result says")
    return problems


def _history(file: Path) -> list[str]:
    """Return what is wrong with a history; nothing where there is none, as without epochs."""
    if not file.exists():
        return []
    try:
        msgspec.json.Decoder(dict[str, Any]).decode_lines(file.read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        return [f"history.jsonl: {_line(error)}"]
    return []


def _line(error: Exception) -> str:
    return error.strerror or "cannot be read" if isinstance(error, OSError) else str(error)
