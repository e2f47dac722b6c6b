"""The table of one task, from the results that there are."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kit import method
from kit.data.prepared import OTHER_DATA
from kit.report.cells import Measured
from kit.report.choice import Runs, choose, conflicts, main_kind, measure, outdated, score
from kit.report.kinds import ANY, WantedKind
from kit.report.own.best import Mark, marks
from kit.report.tables.facts import METRICS
from kit.runs.collect import Rejected
from kit.runs.records import Result
from kit.spec import SEEDS, Kind
from kit.task import Task

# Always among the rows, so that nobody takes a bad network for a hard task.
BASELINES = ("constant", "linear", "xgboost")


@dataclass(frozen=True)
class Score:
    """A method's value of one metric: mean and deviation over seeds, and whether it is best."""

    measured: Measured | None
    mark: Mark = ""

    @property
    def text(self) -> str:
        """``mean±std``, or what became of it."""
        return "" if self.measured is None else str(self.measured)


@dataclass(frozen=True)
class Row:
    """A method.

    Attributes:
        scores: one per metric.
        seeds: that have a result.
        hours: at work, mean over seeds.
        parameters: of the trained networks, ascending, each number once; empty for none.
        state: why there is nothing, or what to know of it.
        outdated: whether its data were replaced since, so that it is not compared with rows on the
            data of now.
    """

    method: str
    title: str
    scores: tuple[Score, ...]
    seeds: tuple[int, ...]
    hours: float | None
    parameters: tuple[int, ...]
    state: str
    outdated: bool = False


@dataclass(frozen=True)
class TaskTable:
    """A filled table.

    Attributes:
        metrics: (name, title, unit) of the columns; lower is better in all.
        kind: profile, protocol and tier of all runs in it; None while there are none.
        notes: how the numbers came about.
        conflicts: lines on runs of which only one can count.
    """

    task: str
    title: str
    metrics: tuple[tuple[str, str, str], ...]
    kind: Kind | None
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    conflicts: tuple[str, ...]


def make(
    task: Task,
    results: Iterable[Result],
    *,
    rejected: Sequence[Rejected] = (),
    methods: Sequence[str] = (),
    wanted: WantedKind = ANY,
) -> TaskTable:
    """Fill the table of a task; nothing is run.

    All rows are runs of one kind: the one asked for, else the one that most methods have.

    Args:
        task: any, of a paper or one's own.
        results: of any tasks.
        rejected: results that count as absent.
        methods: further rows, results or not.
        wanted: kinds of runs that are asked for.
    """
    mine = [each for each in results if each.spec.task == task.name]
    kind = main_kind(mine, wanted)
    chosen: dict[tuple[str, str], Runs] = {}
    remarks: list[str] = []
    if kind is not None:
        chosen, remarks = choose(mine, WantedKind(*kind))
    runs = {name: each for (_, name), each in chosen.items()}
    known = method.names()
    listed = [name for name in (*BASELINES, *methods, *sorted(runs)) if name in known]
    old = outdated(runs.values())
    rows = [
        _row(task, name, runs.get(name), (task.name, name) in old) for name in dict.fromkeys(listed)
    ]
    clashes = conflicts(runs.values())
    unread = [str(each) for each in rejected if task.name in each.path.parts[-5:-4]]
    return TaskTable(
        task=task.name,
        title=task.title,
        metrics=tuple(
            (name, METRICS.get(name, name), _unit(rows, at)) for at, name in enumerate(task.metrics)
        ),
        kind=kind,
        rows=tuple(_marked(rows)),
        notes=(*_notes(kind, rows), *remarks, *clashes, *unread),
        conflicts=tuple(clashes),
    )


def _row(task: Task, name: str, runs: Runs | None, outdated: bool) -> Row:
    info = method.find(name)
    if runs is None:
        reason = info.applies(task)
        state = f"n/a: {reason}" if reason else info.missing() or "not run"
        return Row(name, info.title, tuple(Score(None) for _ in task.metrics), (), None, (), state)
    scores = tuple(Score(measure(runs, metric, score)) for metric in task.metrics)
    found = list(runs.by_seed.values())
    seconds = [each.seconds for each in found]
    counts = sorted({each.parameters for each in found if each.parameters is not None})
    seeds = tuple(runs.by_seed)
    states = [f"{len(seeds)} of {len(SEEDS)} seeds"] if len(seeds) < len(SEEDS) else []
    for metric, each in zip(task.metrics, scores, strict=True):
        scored = each.measured.values if each.measured else {}
        if left := [str(seed) for seed in seeds if seed not in scored]:
            states.append(f"seed {', '.join(left)} not scored on {metric}")
    if runs.differs:
        states.append(f"seeds differ in {', '.join(runs.differs)}")
    if outdated:
        states.append(OTHER_DATA)
    hours = statistics.fmean(seconds) / 3600 if seconds else None
    told = ", ".join(states)
    return Row(name, info.title, scores, seeds, hours, tuple(counts), told, outdated)


def _marked(rows: Sequence[Row]) -> list[Row]:
    """Return rows with marks; rows on replaced data get none beside rows on the data of now."""
    count = len(rows[0].scores) if rows else 0
    mixed = len({row.outdated for row in rows if row.seeds}) > 1
    by_metric = [
        marks(
            {
                row.method: each.defined
                for row in rows
                if (each := row.scores[at].measured) is not None
                and each.whole
                and each.seeds == tuple(sorted(row.seeds))
                and not (mixed and row.outdated)
            }
        )
        for at in range(count)
    ]
    return [
        replace(
            row,
            scores=tuple(
                replace(each, mark=by_metric[at].get(row.method, ""))
                for at, each in enumerate(row.scores)
            ),
        )
        for row in rows
    ]


def _unit(rows: Sequence[Row], at: int) -> str:
    units = Counter(
        each.unit for row in rows if (each := row.scores[at].measured) is not None and each.unit
    )
    unit = units.most_common(1)[0][0] if units else ""
    return "" if unit == "fraction" else unit


def _notes(kind: Kind | None, rows: Sequence[Row]) -> list[str]:
    if kind is None:
        return ["nothing was run yet; 'kit reproduce --task NAME' makes the runs"]
    profile, protocol, tier = kind
    seeds = sorted({seed for row in rows for seed in row.seeds})
    notes = [
        f"seeds {', '.join(map(str, seeds))}; profile {profile}, protocol {protocol}, tier {tier}; "
        "mean ± deviation over seeds, lower is better everywhere; hours at work on "
        + _devices(rows),
        "▾ lowest mean; ▿ not told apart from it (Welch's t test over seeds, Holm's correction, "
        "5 %); all seeds share one split and one test fold",
    ]
    if any(row.outdated for row in rows):
        notes.append("rows on data that were replaced since: 'kit reproduce' makes them again")
    if any(len(row.seeds) == 1 for row in rows):
        notes.append("with a single seed, there is no test")
    if profile != "paper":
        notes.append("sizes are those of a reduced profile: more may change the order")
    return notes


def _devices(rows: Sequence[Row]) -> str:
    found = [each.measured for row in rows for each in row.scores]
    devices = sorted({device for each in found if each is not None for device in each.devices})
    return ", ".join(devices) or "?"
