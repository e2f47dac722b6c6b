"""A filled table: cells, rows, and what stands below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kit.papers import Key, Layout, PublishedCell, TableHeader
from kit.report.cells import Computed, Measured
from kit.spec import SEEDS

if TYPE_CHECKING:
    from kit.report.verdict import Verdict

Best = Literal["column", "group"]
# What a line of a row has.
Line = Literal["published", "computed", "measured"]


@dataclass(frozen=True)
class Cell:
    """One cell: what the paper prints, and what the kit has beside it.

    Attributes:
        column: its title and heading.
        key: what the cell is about.
        suffix: printed after numbers.
        published: as printed; None where the paper has nothing.
        erratum: number of the remark on what is wrong with the printed cell.
        computed: what follows without a run.
        measured: from runs.
        derived: from measured cells.
        note: letter of the remark on how it was measured.
        inapplicable: why the method cannot take the task.
        unread: reasons for results that count as absent.
        best: the lowest printed number of its column, or only of its group.
        best_measured: the lowest of the column's measured means of one kind.
        verdict: whether measured agrees with published.
    """

    column: TableHeader
    key: Key
    suffix: str = ""
    published: PublishedCell | None = None
    erratum: str | None = None
    computed: Computed | None = None
    measured: Measured | None = None
    derived: Computed | None = None
    note: str | None = None
    inapplicable: str | None = None
    unread: tuple[str, ...] = ()
    best: Best | None = None
    best_measured: bool = False
    verdict: Verdict | None = None

    @property
    def empty(self) -> bool:
        """Whether neither the paper nor the kit has anything here."""
        return not (self.published or self.ours or self.unread)

    @property
    def ours(self) -> bool:
        """Whether the kit has anything here."""
        return bool(self.computed or self.measured or self.derived)

    @property
    def seeds(self) -> str:
        """``2 of 3`` where seeds are missing, else nothing."""
        if (
            self.measured is None
            or self.measured.duplicate_seeds
            or len(self.measured.values) >= len(SEEDS)
        ):
            return ""
        return f"{len(self.measured.values)} of {len(SEEDS)}"

    @property
    def state(self) -> str:
        """What became of the measurement, in words: ``NaN (1/3)``, ``2 of 3``, ``not run``."""
        words = []
        if self.measured is None and self.derived is None:
            words.append(f"n/a: {self.inapplicable}" if self.inapplicable else "not run")
        elif self.measured is not None and self.measured.mean is None:
            words.append(str(self.measured))
        elif self.measured is not None and self.measured.differs:
            words.append(self.measured.unlike)
        return ", ".join([*words, self.aside] if self.aside else words)

    @property
    def aside(self) -> str:
        """What is printed in brackets after a measured number: missing seeds, unread results."""
        return ", ".join(filter(None, (self.shortfall, self.uncounted)))

    @property
    def shortfall(self) -> str:
        """Missing seeds, and runs that have not ended."""
        return ", ".join(filter(None, (self.seeds, self.provisional)))

    @property
    def provisional(self) -> str:
        """``projection`` or ``unfinished`` where runs have not ended, else nothing."""
        return self.measured.provisional if self.measured else ""

    @property
    def uncounted(self) -> str:
        """``1 unread`` where a result counts as absent, else nothing."""
        return f"{len(self.unread)} unread" if self.unread else ""

    @property
    def computed_text(self) -> str:
        """What follows without a run, as text; ``=`` for words that are those of the paper."""
        if self.computed is None:
            return ""
        if self.computed.value is None:
            return "=" if self.computed.agrees else self.computed.text
        return f"{self.computed.text}{self.suffix}"

    @property
    def measured_text(self) -> str:
        """The measured number with what must stand beside it."""
        aside = f" ({self.aside})" if self.aside else ""
        if self.derived is not None:
            return f"{self.derived.text}{self.suffix} [{self.note}]"
        if self.measured is None and self.inapplicable:
            return f"n/a [{self.note}]{aside}"
        if self.measured is None:
            return f"not run{aside}"
        judged = f" {self.verdict.label}" if self.verdict else ""
        return f"{self.measured}{self.suffix}{aside} [{self.note}]{judged}"


@dataclass(frozen=True)
class Row:
    """A row's cells, one per column of all blocks; ``task`` or ``method`` where it has one."""

    group: str
    titles: tuple[str, ...]
    task: str
    method: str
    cells: tuple[Cell, ...]

    @property
    def title(self) -> str:
        """The title in one."""
        return " ".join(self.titles).strip()


@dataclass(frozen=True)
class Table:
    """A filled table.

    Attributes:
        layout: rows and columns as the paper prints them.
        notes: (letter, how the numbers came about).
        errata: (number, what is wrong with printed cells).
        remarks: on the table as a whole.
        conflicts: those among them that name runs of which only one can count.
    """

    paper: str
    number: int
    layout: Layout
    rows: tuple[Row, ...]
    notes: tuple[tuple[str, str], ...]
    errata: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]
    conflicts: tuple[str, ...]

    @property
    def title(self) -> str:
        """The caption."""
        return self.layout.title

    @property
    def blocks(self) -> tuple[tuple[TableHeader, ...], ...]:
        """The columns, block by block."""
        return self.layout.blocks

    def parts(self) -> Iterator[tuple[tuple[TableHeader, ...], list[tuple[Row, tuple[Cell, ...]]]]]:
        """Yield each block's columns and those rows that have anything there."""
        start = 0
        for block in self.blocks:
            stop = start + len(block)
            rows = [(row, row.cells[start:stop]) for row in self.rows]
            yield block, [(r, cells) for r, cells in rows if not all(c.empty for c in cells)]
            start = stop

    def lines(self, cells: Sequence[Cell]) -> list[Line]:
        """Return the lines that cells of a row need, from top to bottom."""
        ran = any(c.measured or c.derived or c.unread for c in cells)
        needed: dict[Line, bool] = {
            "published": any(c.published for c in cells),
            "computed": any(c.computed and c.computed_text != "=" for c in cells),
            "measured": ran or self.layout.cells == "scores",
        }
        return [line for line, need in needed.items() if need]
