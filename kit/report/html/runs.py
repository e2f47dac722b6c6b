"""What a page says of one run: read from its folder, which may be from anywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import msgspec
from markupsafe import Markup

from kit import task
from kit.report import architectures
from kit.report.html import chart
from kit.runs import history
from kit.runs.collect import Collected
from kit.runs.names import LOG, SPEC, folders
from kit.runs.records import Result, decode_spec
from kit.runs.states import RunState, read_state
from kit.spec import RunSpec, flat

LOG_BYTES, LOG_LINES = 16384, 100
PAGES = 1000  # a page takes a few milliseconds


@dataclass(frozen=True)
class Run:
    """A run folder: with a result, or with the reason why there is none.

    Attributes:
        place: the folder, below that of all runs.
        state: ``succeeded``, or what became of it, in the words of ``kit status``.
        problem: why the run has no valid result; None where it has one.
    """

    folder: Path
    place: Path
    spec: RunSpec | None
    result: Result | None
    state: str
    problem: str | None

    @property
    def page(self) -> str:
        """The file name of its page: the folder's path, with other characters replaced."""
        return "_".join(re.sub(r"[^A-Za-z0-9.-]", "-", part) for part in self.place.parts) + ".html"

    @property
    def task(self) -> str:
        """By the name of its folder, which is there even where no spec can be read."""
        return self.place.parts[0]

    @property
    def method(self) -> str:
        """By the name of its folder."""
        return self.place.parts[1]

    @property
    def profile(self) -> str:
        """By the name of its folder."""
        return self.place.parts[2].partition("-")[0]

    @property
    def protocol(self) -> str:
        """By the name of its folder."""
        return self.place.parts[2].partition("-")[2]

    @property
    def seed(self) -> str:
        """By the name of its folder."""
        return self.place.parts[3].removeprefix("seed-").rpartition("-")[0]

    @property
    def id(self) -> str:
        """The first digits of its id."""
        return self.place.parts[3].rpartition("-")[2]

    @property
    def command(self) -> str:
        """The command that repeats it."""
        return "" if self.spec is None else self.spec.command

    @property
    def score(self) -> tuple[str, float | None, str] | None:
        """The first metric of its task: name, value, unit."""
        if self.result is None or not self.result.metrics:
            return None
        first = next((name for name in _metrics(self.task) if name in self.result.metrics), None)
        name = first or next(iter(self.result.metrics))
        return name, self.result.metrics[name].value, self.result.metrics[name].unit

    @property
    def seconds(self) -> float | None:
        """Seconds at work, all stages together."""
        return None if self.result is None else self.result.seconds

    @property
    def costs(self) -> list[tuple[str, str]]:
        """Time of each stage, size of the final model."""
        if self.result is None:
            return []
        return [
            *(
                (stage, f"{cost.active_seconds:.1f} s, sessions: {cost.sessions}")
                for stage, cost in self.result.stages.items()
            ),
            ("parameters", _grouped(self.result.parameters)),
            ("multiply-adds", _grouped(self.result.macs)),
        ]

    @property
    def settings(self) -> list[tuple[str, str]]:
        """The resolved settings, ``part.name`` and value."""
        return [] if self.spec is None else list(flat(self.spec.settings))

    @property
    def provenance(self) -> list[tuple[str, str]]:
        """Where and with what it was made."""
        if self.result is None:
            return []
        facts = {**msgspec.to_builtins(self.result.provenance), "code_hash": self.result.code_hash}
        return [(name.replace("_", " "), _word(value)) for name, value in facts.items()]

    @cached_property
    def drawing(self) -> tuple[Markup, str] | None:
        """Its architecture sketched, with a line that explains it, if it is one that can be."""
        sketch = None if self.result is None else architectures.sketch(self.result)
        return sketch and (Markup(sketch[0]), sketch[1])

    @property
    def notation(self) -> str:
        """Its architecture in the notation of its search space, if it is known here."""
        return "" if self.result is None else architectures.describe(self.result)

    @property
    def architecture_text(self) -> str:
        """Its architecture as it stands in the result."""
        if self.result is None or self.result.architecture is None:
            return ""
        return msgspec.json.encode(self.result.architecture.value).decode()

    def curves(self) -> list[Markup]:
        """Draw every number that its history tells, stage by stage."""
        found: dict[tuple[str, str], tuple[list[float], list[float]]] = {}
        for each in history.scalars(self.folder):
            x, y = found.setdefault((each.stage, each.name), ([], []))
            x.append(each.epoch)
            y.append(each.value)
        return [
            chart.line(f"{stage}: {name}", x, y, "epoch") for (stage, name), (x, y) in found.items()
        ]

    def log_tail(self) -> str:
        """The end of what it printed."""
        with suppress(OSError), (self.folder / LOG).open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - LOG_BYTES))
            text = stream.read().decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
            return "\n".join(text.splitlines()[-LOG_LINES:])
        return ""


def find(root: Path, found: Collected) -> list[Run]:
    """Return all runs below a folder, finished or not, in a fixed order.

    Args:
        root: the folder of all runs.
        found: the results there, which are read once.
    """
    results = {root / result.spec.folder: result for result in found.results}
    reasons = {rejected.path.parent: rejected.reason for rejected in found.rejected}
    return [
        _read(root, folder.relative_to(root), results.get(folder), reasons.get(folder))
        for folder in folders(root)
    ]


def with_page(runs: Sequence[Run]) -> list[Run]:
    """Return the runs that get a page of their own: all of them, or the first ``PAGES``.

    Those with a problem come first, then the lower seeds of every cell.
    """
    if len(runs) <= PAGES:
        return list(runs)
    kept = sorted(runs, key=lambda run: (run.problem is None, run.seed.zfill(20)))[:PAGES]
    return sorted(kept, key=lambda run: run.place)


def _read(root: Path, place: Path, result: Result | None, rejected: str | None) -> Run:
    folder = root / place
    if result is not None:
        return Run(folder, place, result.spec, result, "succeeded", None)
    stands, spec = RunState(place, "stopped"), None
    with suppress(OSError):  # files that nobody can read
        stands = read_state(place, root)
    with suppress(OSError, msgspec.MsgspecError):
        spec = decode_spec((folder / SPEC).read_bytes())
    state: str = stands.state
    if state == "succeeded" or (rejected is not None and state == "stopped"):
        state = "no valid result"
    problem = "it has no result yet"
    if rejected is not None:
        problem = f"its result is not used: {rejected}"
    elif stands.message:
        problem = f"{stands.failure or stands.state}: {stands.message}"
    return Run(folder, place, spec, None, state, problem)


@cache
def _metrics(name: str) -> tuple[str, ...]:
    return task.find(name).metrics if name in task.names() else ()


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)


def _grouped(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"
