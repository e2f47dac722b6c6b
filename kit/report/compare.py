"""Two sets of runs side by side: cell by cell as in a verdict, and over tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kit import papers
from kit.errors import KitError, unknown
from kit.report.cells import Measured
from kit.report.choice import fill
from kit.report.kinds import ANY, WantedKind
from kit.report.statistics import Interval, Paired, mean_interval, paired
from kit.report.verdict import MARGINS, Sample, Verdict, judge, measured, printed
from kit.runs.records import Result

# The tables with all errors that a paper prints.
RESULTS = {"dash": 5, "nas-bench-360": 6}


@dataclass(frozen=True)
class Entry:
    """One side of a cell.

    Attributes:
        text: mean and deviation, or why there is no mean.
        sample: None where there is no mean.
        values: one per seed; empty for a printed cell.
        kind: how it came about: only like is compared with like.
        erratum: what is wrong with a printed cell.
        refused: why there is no mean.
    """

    text: str
    sample: Sample | None
    values: tuple[float, ...]
    metric: str
    unit: str
    kind: str
    erratum: str | None = None
    refused: str | None = None

    @property
    def interval(self) -> Interval | None:
        """The 95 % bootstrap interval of the mean over seeds; None where there is no mean."""
        return mean_interval(self.values) if self.sample and len(self.values) > 1 else None


Entries = Mapping[tuple[str, str], Entry]


@dataclass(frozen=True)
class Compared:
    """A cell of both sides; ``method`` is empty where the sides are two methods."""

    task: str
    method: str
    metric: str
    first: Entry
    second: Entry
    verdict: Verdict | None
    note: str | None

    @property
    def counts(self) -> bool:
        """Whether it is among what is over tasks: it is compared, and not in doubt."""
        return self.verdict is not None and self.verdict.label != "cell in doubt"


@dataclass(frozen=True)
class Comparison:
    """Everything that both sides have, second against first.

    Attributes:
        over_tasks: (method, comparison over its tasks).
        remarks: what was left out.
    """

    first: str
    second: str
    cells: tuple[Compared, ...]
    over_tasks: tuple[tuple[str, Paired], ...]
    remarks: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many cells have each verdict."""
        return dict(Counter(cell.verdict.label for cell in self.cells if cell.verdict))

    def kinds(self, method: str) -> list[str]:
        """Return the kinds of the cells behind a comparison over tasks."""
        return sorted(
            {each.first.kind for each in self.cells if each.counts and each.method == method}
        )


def entries(
    results: Iterable[Result], wanted: WantedKind = ANY
) -> tuple[dict[tuple[str, str], Entry], list[str]]:
    """Return one's own cells by (task, method), and remarks on what fills none."""
    cells, remarks = fill(results, wanted)
    unlike = [f"{' '.join(key)}: {cell.unlike}" for key, cell in cells.items() if cell.differs]
    return {key: _entry(cell) for key, cell in cells.items()}, [*unlike, *remarks]


def printed_entries(paper: str) -> dict[tuple[str, str], Entry]:
    """Return what a paper prints by (task, method).

    Raises:
        KitError: there is no such paper.
    """
    if paper not in RESULTS:
        raise unknown("paper", paper, RESULTS)
    return {
        (cell.task, cell.method): Entry(
            text=str(cell),
            sample=printed(cell),
            values=(),
            metric=cell.metric,
            unit=cell.unit,
            kind=f"printed by {paper}",
            erratum=cell.note,
        )
        for cell in papers.published(paper, RESULTS[paper])
        if cell.value is not None
    }


def of_method(
    cells: Entries, method: str, known: Sequence[str] = (), remarks: Sequence[str] = ()
) -> dict[tuple[str, str], Entry]:
    """Return the cells of one method, named so that two methods' meet.

    Args:
        cells: of all methods.
        method: the name.
        known: all methods that there could be runs of.
        remarks: on what was left out; the first is told where nothing is left.

    Raises:
        KitError: it has none.
    """
    found = {(task, ""): cell for (task, name), cell in cells.items() if name == method}
    if not found and method in known:
        why = remarks[0] if remarks else f"'kit run TASK {method}' makes one"
        raise KitError(f"there is no run of method {method!r} to compare; {why}")
    if not found:
        raise unknown("method", method, {name for _, name in cells} or known)
    return found


def compare(
    first: Entries,
    second: Entries,
    names: tuple[str, str],
    *,
    margins: Mapping[str, float] = MARGINS,
    remarks: Sequence[str] = (),
) -> Comparison:
    """Compare the cells that both sides have; those in doubt are left out of what is over tasks.

    Raises:
        KitError: they have none in common.
    """
    shared = sorted(set(first) & set(second))
    if not shared:
        left_out = "".join(f"; {remark}" for remark in remarks[:1])
        raise KitError(f"{names[0]} and {names[1]} have no cell in common{left_out}")
    cells = tuple(_compared(key, first[key], second[key], margins) for key in shared)
    by_method: dict[str, list[tuple[float, float]]] = {}
    for cell in cells:
        a, b = cell.first.sample, cell.second.sample
        if a and b and cell.counts:
            by_method.setdefault(cell.method, []).append((a.mean, b.mean))
    alone = [
        f"only {name} has {' '.join(filter(None, key))}"
        for name, mine, other in ((names[0], first, second), (names[1], second, first))
        for key in sorted(set(mine) - set(other))
    ]
    return Comparison(
        first=names[0],
        second=names[1],
        cells=cells,
        over_tasks=tuple(
            (method, paired([a for a, _ in pairs], [b for _, b in pairs]))
            for method, pairs in by_method.items()
        ),
        remarks=(*alone, *remarks),
    )


def _compared(
    key: tuple[str, str], first: Entry, second: Entry, margins: Mapping[str, float]
) -> Compared:
    verdict = note = None
    refused = list(filter(None, (first.refused, second.refused)))
    # Where no run counts, there is no unit.
    units_differ = first.unit != second.unit and not refused
    if (first.metric, first.kind) != (second.metric, second.kind) or units_differ:
        note = f"not compared: {_how(first)} beside {_how(second)}"
    elif first.sample is None or second.sample is None:
        note = f"not compared: {', '.join(dict.fromkeys(refused))}"
    else:
        margin = margins.get(first.metric)
        erratum = first.erratum or second.erratum
        verdict = judge(first.sample, second.sample, margin, erratum=erratum, both=True)
        note = verdict.reason
    return Compared(*key, first.metric, first, second, verdict, note)


def _how(entry: Entry) -> str:
    unit = f" in {entry.unit}" if entry.unit else ""
    return f"{entry.metric}{unit}, {entry.kind}"


def _entry(cell: Measured) -> Entry:
    refused = None
    if not cell.whole:
        several = cell.duplicate_seeds or cell.mixed
        refused = str(cell) if several else "a seed has no value"
    return Entry(
        text=str(cell),
        sample=measured(cell.defined) if cell.whole else None,
        values=tuple(cell.defined),
        metric=cell.metric,
        unit=cell.unit,
        kind=f"profile {cell.profile}, {cell.protocol}, tier {cell.tier}",
        refused=refused,
    )
