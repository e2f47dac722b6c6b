"""A table of a paper, measured beside published, independent of how it is printed."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from kit import method, papers, task
from kit.papers import Key, Layout, PublishedCell, TableHeader
from kit.report import best
from kit.report.cells import Measured
from kit.report.choice import choose, conflicts
from kit.report.grid import Cell, Row, Table
from kit.report.kinds import ANY, WantedKind
from kit.report.tables import Progress, TableRequest, TableValues
from kit.runs.collect import Rejected
from kit.runs.records import Result
from kit.spec import TIERS

if TYPE_CHECKING:
    from kit.report.verdict import Verdict

OTHERS = "methods of the kit that are not in this table of the paper"


def make(
    paper: str,
    number: int,
    results: Iterable[Result],
    *,
    rejected: Sequence[Rejected] = (),
    wanted: WantedKind = ANY,
    progress: Progress = lambda *_: None,
) -> Table:
    """Fill a table from results; nothing is run.

    ``progress`` is called with (done, total) while models are counted for it.

    Raises:
        KitError: an unknown paper or table.
    """
    layout = papers.layout(paper, number)
    runs, remarks = choose(results, wanted)
    request = TableRequest(
        paper=paper,
        number=number,
        layout=layout,
        keys=(*layout.all_keys(), *_others(layout)),
        printed={cell.key: cell for cell in papers.published(paper, number)},
        runs=runs,
        wanted=wanted,
        progress=progress,
    )
    values: TableValues = importlib.import_module(f"kit.report.tables.{layout.cells}").fill(request)
    made = _Rows(request, values, rejected)
    rows = best.mark_printed(made.of_the_paper(), paper, layout)
    rows = best.mark_measured([*rows, *made.of_the_kit()], layout)
    rows = [made.explained(row) for row in rows]  # last, after the notes on what was measured
    pairs = {(key.task, key.method) for key in request.keys}
    derived = layout.cells == "ranks"  # from cells of other tables
    clashes = conflicts(each for pair, each in runs.items() if derived or pair in pairs)
    unread = sorted(str(each) for each in rejected)
    return Table(
        paper=paper,
        number=number,
        layout=layout,
        rows=tuple(rows),
        notes=made.notes.listed,
        errata=made.errata.listed,
        remarks=(*layout.remarks, *tallies(rows), *remarks, *clashes, *unread),
        conflicts=tuple(clashes),
    )


class _Rows:
    """The rows of a table as they are made, and the marks that they need."""

    def __init__(
        self, request: TableRequest, values: TableValues, rejected: Sequence[Rejected]
    ) -> None:
        self.request, self.values, self.layout = request, values, request.layout
        self.unread = _unread(rejected)
        self.tasks, self.methods = set(task.names()), set(method.names())
        self.notes, self.errata = _Marks(_letter), _Marks(lambda index: str(index + 1))
        for key in _in_reading_order(self.layout):
            self._erratum(request.printed.get(key))

    def of_the_paper(self) -> list[Row]:
        """Return the rows that the paper has."""
        return [self._row(group.title, line) for group in self.layout.groups for line in group.rows]

    def of_the_kit(self) -> list[Row]:
        """Return a row for each further method that has a cell."""
        ours = {key.method for part in (self.values.measured, self.values.computed) for key in part}
        further = sorted(ours - {key.method for key in self.layout.all_keys()})
        return [self._row(OTHERS, _line(name, self.layout)) for name in further]

    def explained(self, row: Row) -> Row:
        """Mark the reasons why no run can fill cells."""
        cells = (
            replace(cell, note=self.notes.mark(f"n/a: {cell.inapplicable}"))
            if cell.inapplicable and cell.note is None
            else cell
            for cell in row.cells
        )
        return replace(row, cells=tuple(cells))

    def _row(self, group: str, line: TableHeader) -> Row:
        places = zip(self.layout.columns, self.layout.keys(line), strict=True)
        cells = [self._cell(column, key, line.suffix or column.suffix) for column, key in places]
        name = line.method if isinstance(line.method, str) else ""
        return Row(group, line.titles, line.task, name, tuple(cells))

    def _cell(self, column: TableHeader, key: Key, suffix: str) -> Cell:
        printed, measured = self.request.printed.get(key), self.values.measured.get(key)
        derived = self.values.derived.get(key)
        how = derived.how if derived else _how(measured) if measured else None
        return Cell(
            column,
            key,
            suffix=suffix,
            published=printed,
            erratum=self._erratum(printed),
            computed=self.values.computed.get(key),
            measured=measured,
            derived=derived,
            note=self.notes.mark(how) if how else None,
            inapplicable=self._inapplicable(key),
            unread=(
                *self.unread.get((key.task, key.method), ()),
                *_unscored(self.request, key, measured),
            ),
            verdict=_verdict(printed, measured, key),
        )

    def _inapplicable(self, key: Key) -> str | None:
        known = key.task in self.tasks and key.method in self.methods
        if self.layout.cells != "scores" or not known:
            return None
        return method.find(key.method).applies(task.find(key.task))

    def _erratum(self, printed: PublishedCell | None) -> str | None:
        return self.errata.mark(printed.note) if printed and printed.note else None


class _Marks:
    """Footnote marks for texts, in the order of their first use; one mark for each text."""

    def __init__(self, name: Callable[[int], str]) -> None:
        self.name, self.found = name, dict[str, str]()

    def mark(self, text: str) -> str:
        return self.found.setdefault(text, self.name(len(self.found)))

    @property
    def listed(self) -> tuple[tuple[str, str], ...]:
        return tuple((mark, text) for text, mark in self.found.items())


def _in_reading_order(layout: Layout) -> Iterator[Key]:
    """Yield what the cells are about, block by block."""
    start = 0
    for block in layout.blocks:
        for group in layout.groups:
            for line in group.rows:
                yield from layout.keys(line)[start : start + len(block)]
        start += len(block)


def _others(layout: Layout) -> Iterator[Key]:
    """Yield what cells of the kit's own methods would be about."""
    if layout.others:
        paper_has = {key.method for key in layout.all_keys()}
        for name in method.names():
            if name not in paper_has:
                yield from layout.keys(TableHeader(title="", method=name))


def _line(name: str, layout: Layout) -> TableHeader:
    padding = ("",) * (len(layout.stubs) - 1)
    short = method.find(name).title.partition(":")[0]
    return TableHeader(title=(short, *padding), method=name)


def _unread(rejected: Iterable[Rejected]) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Return the reasons by (task, method), which the folders of a run are named after."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for each in rejected:
        task_name, method_name = each.path.parts[-5:-3]
        found[task_name, method_name] = (*found.get((task_name, method_name), ()), each.reason)
    return found


def _unscored(request: TableRequest, key: Key, measured: Measured | None) -> tuple[str, ...]:
    """Return a reason for each run that was not scored on a cell's metric."""
    runs = request.runs.get((key.task, key.method))
    if request.layout.cells != "scores" or runs is None:
        return ()
    scored = measured.values if measured else {}
    return tuple(
        f"seed {seed} was not scored on {key.metric}" for seed in runs.by_seed if seed not in scored
    )


def _verdict(
    published: PublishedCell | None, measured: Measured | None, key: Key
) -> Verdict | None:
    if published is None or published.value is None or measured is None or measured.duplicate_seeds:
        return None
    if (measured.profile, measured.tier) != ("paper", "published"):
        return None  # ``verdict`` would say the same; without it scipy need not be imported
    from kit.report.verdict import verdict

    return verdict(
        published,
        [measured.values[seed] for seed in measured.seeds],
        metric=key.metric,
        profile=measured.profile,
        tier=measured.tier,
        erratum=published.note,
    )


def tallies(rows: Sequence[Row]) -> list[str]:
    """Return remarks that count cells: by tier of the data, as printed, and by verdict."""
    cells = [cell for row in rows for cell in row.cells]
    tiers = Counter(cell.measured.tier for cell in cells if cell.measured)
    said = []
    if set(tiers) - {"published"}:
        found = ", ".join(f"{tiers[tier]} on {tier} data" for tier in TIERS if tiers[tier])
        said.append(f"cells measured here: {found}")
    if any(cell.measured_text.startswith("not run") for cell in cells if cell.published):
        said.append(
            "not run: 'kit data list' shows which data are available, and what a verdict needs"
        )
    computed: dict[str, Counter[bool]] = {}
    for cell in cells:
        if cell.computed and cell.computed.agrees is not None:
            computed.setdefault(cell.computed.how, Counter())[cell.computed.agrees] += 1
    said += [
        f"computed {how}: {counts[True]} of {counts.total()} cells as printed"
        for how, counts in computed.items()
    ]
    judged = [cell.verdict for cell in cells if cell.verdict]
    if judged:
        from kit.report.verdict import summary

        said.append(f"{summary(judged)}; docs/verdict.md explains, --format json has the intervals")
    return said


def _how(measured: Measured) -> str:
    text = f"seeds {_seeds(measured.seeds)}; profile {measured.profile}, "
    text += f"protocol {measured.protocol}, tier {measured.tier}"
    if measured.tier == "rebuilt":
        text += " (rebuilt from the source, not shown to be the papers' data)"
    elif measured.tier != "published":
        text += " (not the papers' data)"
    if measured.beside is not None:
        text += f"; scored as released, {measured.metric}; {measured.beside.metric} itself: "
        text += str(measured.beside)
    if measured.projected is not None:
        text += f"; {measured.projected or 'the stage has ended, its run has not'}"
    if measured.metric.endswith("-hours"):
        text += f"; on {', '.join(measured.devices)}"
    if measured.differs:
        text += f"; {measured.unlike}"
    if measured.others:
        text += f"; not in this mean: {', '.join(measured.others)}"
    if measured.settings:
        text += f"; differs from profile paper in {', '.join(measured.settings)}"
    return text


def _seeds(seeds: Sequence[int]) -> str:
    """Return seeds one by one, or from first to last where they are many and without a gap."""
    if len(seeds) > 4 and seeds[-1] - seeds[0] == len(seeds) - 1:
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds)) or "none"


def _letter(index: int) -> str:
    high, low = divmod(index, 26)
    return (chr(96 + high) if high else "") + chr(97 + low)
