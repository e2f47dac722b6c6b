"""A table of a paper, measured beside published, independent of how it is printed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kit import papers
from kit.papers import Column, PublishedCell
from kit.plan import SEEDS
from kit.report.cells import Measured, fill
from kit.runs.records import Result
from kit.spec import Profile, Protocol, Tier


@dataclass(frozen=True)
class Cell:
    """One cell: what the paper prints, what was measured, and the note on that."""

    column: Column
    published: PublishedCell | None
    measured: Measured | None
    note: str | None

    @property
    def seeds(self) -> str:
        """``2 of 3`` where seeds are missing, else nothing."""
        if self.measured is None or len(self.measured.values) >= len(SEEDS):
            return ""
        return f"{len(self.measured.values)} of {len(SEEDS)}"

    @property
    def measured_text(self) -> str:
        """The measured number with what must stand beside it."""
        if self.measured is None:
            return "not run"
        seeds = f" ({self.seeds})" if self.seeds else ""
        return f"{self.measured}{seeds} [{self.note}]"


@dataclass(frozen=True)
class Row:
    """A method's cells, one per column of all blocks."""

    group: str
    method: str
    title: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """A filled table; ``notes`` say how the measured numbers came about."""

    paper: str
    number: int
    title: str
    blocks: tuple[tuple[Column, ...], ...]
    rows: tuple[Row, ...]
    notes: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]


def make(
    paper: str,
    number: int,
    results: Iterable[Result],
    *,
    profile: Profile | None = None,
    protocol: Protocol | None = None,
    tier: Tier | None = None,
) -> Table:
    """Fill a table from results; nothing is run.

    Raises:
        KitError: an unknown paper or table, or two valid runs for one cell.
    """
    plan = papers.layout(paper, number)
    cells, remarks = fill(results, profile=profile, protocol=protocol, tier=tier)
    printed = {(cell.task, cell.method): cell for cell in papers.published(paper, number)}
    notes: dict[str, str] = {}
    rows = []
    for group in plan.groups:
        for method, title in group.methods:
            row = []
            for column in (column for block in plan.blocks for column in block):
                measured = cells.get((column.task, method))
                note = None
                if measured is not None:
                    note = notes.setdefault(_how(measured), _letter(len(notes)))
                row.append(Cell(column, printed.get((column.task, method)), measured, note))
            rows.append(Row(group.title, method, title, tuple(row)))
    return Table(
        paper=paper,
        number=number,
        title=plan.title,
        blocks=plan.blocks,
        rows=tuple(rows),
        notes=tuple((letter, text) for text, letter in notes.items()),
        remarks=tuple(sorted(remarks)),
    )


def _how(measured: Measured) -> str:
    seeds = ", ".join(map(str, measured.seeds))
    text = f"seeds {seeds}; profile {measured.profile}, protocol {measured.protocol}, "
    text += f"tier {measured.tier}"
    if measured.tier != "published":
        text += " (not the papers' data)"
    if measured.settings:
        text += f"; differs from profile paper in {', '.join(measured.settings)}"
    return text


def _letter(index: int) -> str:
    high, low = divmod(index, 26)
    return (chr(96 + high) if high else "") + chr(97 + low)
