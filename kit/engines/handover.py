"""Handing a run over to the process that makes it: its spec, as the file in its folder.

Settings are resolved once, where runs are planned. ``kit run --spec FILE`` takes them as they are,
in a container or on a node as well.
"""

from __future__ import annotations

from pathlib import Path, PurePath, PurePosixPath

import msgspec

from kit import method, paths, task
from kit.errors import KitError
from kit.runs.folder import RunFolder
from kit.runs.names import SPEC
from kit.runs.records import decode_spec
from kit.spec import RunSpec

# Where an image has the results folder (docker/Dockerfile).
RESULTS_IN_IMAGE = PurePosixPath("/kit/results")


def arguments(
    spec: RunSpec,
    device: str | None,
    results: PurePath | None = None,
    trials_on: str | None = None,
) -> list[str]:
    """Return what follows ``kit`` for a run whose spec lies in its folder.

    Args:
        spec: names the run's folder, below that of the results.
        device: passed on; None for a GPU where there is one.
        results: where the run sees the results folder; None for where it is here.
        trials_on: where it trains its trials, if it has any; None for its own process.
    """
    file = (results or paths.results()) / "runs" / spec.folder / SPEC
    words = ["run", "--spec", str(file)]
    for option, value in (("--device", device), ("--trials-on", trials_on)):
        words += [] if value is None else [option, value]
    return words


def read(file: Path) -> RunSpec:
    """Return the spec that somebody has left in a run's folder.

    Raises:
        KitError: it cannot be read, is of another folder, or of another version than the task or
            the method here.
    """
    try:
        spec = decode_spec(file.read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        raise KitError(f"{file}: no spec of a run: {error}") from None
    expected = RunFolder(spec).path / SPEC
    if file.resolve() != expected.resolve():
        raise KitError(f"{file}: the spec of the run in {expected.parent}; KIT_RESULTS moves that")
    for what, name, version, here in (
        ("task", spec.task, spec.task_version, task.find(spec.task).version),
        ("method", spec.method, spec.method_version, method.find(spec.method).version),
    ):
        if version != here:
            raise KitError(
                f"{file}: of version {version} of {what} {name}, which is {here} here; plan it anew"
            )
    return spec
