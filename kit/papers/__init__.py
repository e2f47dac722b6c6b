"""What the papers printed: cells as CSV, digit by digit, and the layout of each table as TOML.

A paper is a folder here; ``table-N.csv`` has the cells of its table N, ``table-N.toml`` says where
they stand. A cell's note says what is wrong with it, after the errata of both papers.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from kit.errors import KitError, unknown
from kit.spec import Protocol

FOLDER = Path(__file__).resolve().parent
# Tuning was given the hours that GAEA takes in all (NAS-Bench-360, section 4.2).
SAME_HOURS = {"wrn-asha": "darts-gaea"}


class Key(NamedTuple):
    """What a cell is about; an empty word means that the table is not about such a thing."""

    task: str
    method: str
    metric: str


@dataclass(frozen=True)
class PublishedCell:
    """One printed number or word, as printed; ``std`` is None where none is printed."""

    paper: str
    table: int
    method: str
    task: str
    metric: str
    mean: str
    std: str | None
    unit: str
    n_runs: int | None
    note: str | None

    @property
    def key(self) -> Key:
        """What the cell is about."""
        return Key(self.task, self.method, self.metric)

    @property
    def value(self) -> float | None:
        """The number; None where words are printed."""
        try:
            return float(self.mean)
        except ValueError:
            return None

    def __str__(self) -> str:
        return self.mean if self.std is None else f"{self.mean}±{self.std}"


class TableHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row or column: its title as printed, and what its cells have in common.

    Attributes:
        title: one word, or one per stub column.
        heading: second line of a column's head.
        method: one for all cells, or of a row one per column.
        suffix: printed after each number.
    """

    title: str | tuple[str, ...]
    heading: str = ""
    task: str = ""
    method: str | tuple[str, ...] = ""
    metric: str = ""
    suffix: str = ""

    @property
    def titles(self) -> tuple[str, ...]:
        """The title, word by word."""
        return (self.title,) if isinstance(self.title, str) else self.title

    def methods(self, columns: int) -> tuple[str, ...]:
        """Return the method of each of so many cells."""
        return (self.method,) * columns if isinstance(self.method, str) else self.method


class RowGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows that belong together."""

    rows: tuple[TableHeader, ...]
    title: str = ""


class ReleasedForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In which form the released code of some methods (of none named: all) scored a task."""

    task: str
    metric: str
    methods: tuple[str, ...] = ()


# What a printed number of operations is, as far as is known: multiply-adds; twice these; twice
# these and the operations of normalisations, rectifiers and poolings.
OperationsUnit = Literal["multiply-adds", "twice", "twice-with-elementwise"]


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a table is laid out, and what fills it.

    Attributes:
        blocks: of columns, one below the other.
        cells: the module of ``kit.report.tables`` that fills the cells.
        stubs: heads of the row titles.
        missing: printed where there is no number.
        best: bold are the lowest of a column, of a group, or what is so in the table of that
            number.
        released: forms of a metric that the released code printed.
        others: whether methods that the paper has not may follow in a group of their own.
        units: in what the operations of a method are printed; multiply-adds where it says nothing.
        runs_of: the table whose runs stand behind this one, if not its own.
        remarks: what the errata say of the table as a whole.
    """

    title: str
    blocks: tuple[tuple[TableHeader, ...], ...]
    groups: tuple[RowGroup, ...]
    cells: str = "scores"
    stubs: tuple[str, ...] = ("",)
    missing: str = "-"
    best: Literal["column", "group"] | int | None = None
    released: tuple[ReleasedForm, ...] = ()
    others: bool = False
    units: Mapping[str, OperationsUnit] = {}
    runs_of: int | None = None
    remarks: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[TableHeader, ...]:
        """The columns of all blocks."""
        return tuple(column for block in self.blocks for column in block)

    def keys(self, row: TableHeader) -> tuple[Key, ...]:
        """Return what each cell of a row is about, column by column."""
        methods = row.methods(len(self.columns))
        return tuple(
            Key(row.task or c.task, method or str(c.method), row.metric or c.metric)
            for c, method in zip(self.columns, methods, strict=True)
        )

    def all_keys(self) -> Iterator[Key]:
        """Yield what the cells are about, row by row."""
        for group in self.groups:
            for row in group.rows:
                yield from self.keys(row)


def papers() -> list[str]:
    """Return the names of the papers."""
    return sorted(file.parent.name.replace("_", "-") for file in FOLDER.glob("*/table-5.csv"))


def tables(paper: str) -> list[int]:
    """Return the numbers of the tables that the kit can print."""
    found = (re.fullmatch(r"table-(\d+)", file.stem) for file in _folder(paper).glob("*.toml"))
    return sorted(int(match[1]) for match in found if match)


def in_another(paper: str, has: Callable[[str], bool]) -> str:
    """Return the end of a line that says what a paper lacks: which other one has it, if any."""
    found = [each for each in papers() if each != paper and has(each)]
    return f"; {found[0]} has one: --paper {found[0]}" if found else ""


@cache
def layout(paper: str, number: int) -> Layout:
    """Return the layout of a table.

    Raises:
        KitError: there is no such paper or table.
    """
    file = _folder(paper) / f"table-{number}.toml"
    if not file.exists():
        known = ", ".join(map(str, tables(paper))) or "none yet"
        other = in_another(paper, lambda each: number in tables(each))
        raise KitError(f"no table {number} of paper {paper!r}; there is {known}{other}")
    return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Layout)


@cache
def published(paper: str, number: int) -> tuple[PublishedCell, ...]:
    """Return the printed cells of a table, none where it has not been transcribed."""
    file = _folder(paper) / f"table-{number}.csv"
    if not file.exists():
        return ()
    with file.open(newline="", encoding="utf-8") as stream:
        return tuple(
            PublishedCell(
                paper=row["paper"],
                table=int(row["table"]),
                method=row["method"],
                task=row["task"],
                metric=row["metric"],
                mean=row["mean"],
                std=row["std"] or None,
                unit=row["unit"],
                n_runs=int(row["n_runs"]) if row["n_runs"] else None,
                note=row["note"] or None,
            )
            for row in csv.DictReader(stream)
        )


def runs_behind(paper: str, number: int) -> list[Key]:
    """Return what the cells are about that runs can fill, in the order of the table.

    Seconds of an epoch are measured without a run.

    Raises:
        KitError: there is no such table, or no run stands behind it.
    """
    plan = layout(paper, number)
    if plan.runs_of is not None:
        return runs_behind(paper, plan.runs_of)
    found = [key for key in plan.all_keys() if key.task and key.method]
    if not found or plan.cells == "epochs":
        measured = "'kit bench epoch' measures its seconds, " if plan.cells == "epochs" else ""
        raise KitError(
            f"no run stands behind table {number} of {paper}; {measured}'kit table' prints it"
        )
    return found


def hours(task: str, method: str) -> float | None:
    """Return the V100-hours that a paper prints for one run of a method on a task."""
    method = SAME_HOURS.get(method, method)
    for paper, number in (("dash", 6), ("nas-bench-360", 5)):
        for cell in published(paper, number):
            if cell.key == (task, method, "total-hours"):
                return cell.value
    return None


def has_task(task: str) -> bool:
    """Tell whether a task is one of the papers'."""
    return any(cell.task == task for cell in published("dash", 5))


def usual_protocol(task: str) -> Protocol:
    """Return the protocol of a task's runs where none is asked for."""
    return "released" if has_task(task) else "clean"


def _folder(paper: str) -> Path:
    if paper not in papers():
        raise unknown("paper", paper, papers())
    return FOLDER / paper.replace("-", "_")
