"""The runs that a run reads: found by their ids, checked, with the command that makes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kit import method
from kit.errors import KitError
from kit.files import sha256
from kit.runs.folder import read_result
from kit.runs.names import RESULT
from kit.runs.records import Result
from kit.spec import RunSpec


@dataclass(frozen=True)
class Input:
    """A finished run that another one reads. Nothing in its folder is to be changed."""

    folder: Path
    result: Result

    def artifact(self, name: str) -> Path:
        """Return a file that the run left, as ``result.artifacts`` names it.

        Raises:
            KitError: it left none of that name, or the file is another one now.
        """
        known = {artifact.name: artifact for artifact in self.result.artifacts}
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise KitError(f"{self.folder} has no artifact {name!r}; there is {there}")
        file = self.folder / name
        if not file.is_file() or sha256(file) != known[name].sha256:
            raise KitError(f"{file} is not what its run left; {_again(self.result.spec)}")
        return file


def open_input(spec: RunSpec, name: str, root: Path) -> Input:
    """Return the run that ``spec.inputs`` has under a name, from the folder of all runs.

    Raises:
        KitError: it is not there or not finished; the line has the command that makes it.
    """
    if name not in spec.inputs:
        there = ", ".join(sorted(spec.inputs)) or "none"
        raise KitError(f"{spec} reads no run {name!r}; there is {there}")
    run_id = spec.inputs[name]
    told = "it is not there"
    for folder in root.glob(f"*/*/*/seed-*-{run_id[:8]}"):
        try:
            result = read_result(folder / RESULT)
        except FileNotFoundError:
            told = "it is not finished"
        except (OSError, ValueError) as error:
            told = f"its result counts as absent: {error}"
        else:
            if result.spec.id == run_id:
                return Input(folder, result)
    wanted = specs(spec).get(name)
    if wanted is None or wanted.id != run_id:
        raise KitError(f"{spec} reads the run {run_id[:8]} ({name}), and {told}")
    raise KitError(f"{spec} reads {wanted} ({name}), and {told}; {_again(wanted)}")


def specs(spec: RunSpec) -> Mapping[str, RunSpec]:
    """Return the runs that a run reads, by name."""
    return method.find(spec.method).inputs(msgspec.structs.replace(spec, inputs={}))


def closure(spec: RunSpec) -> Iterator[RunSpec]:
    """Yield a run after all those that it reads, and that these read."""
    for each in specs(spec).values():
        yield from closure(each)
    yield spec


def _again(spec: RunSpec) -> str:
    return f"'{spec.command}' makes it"
