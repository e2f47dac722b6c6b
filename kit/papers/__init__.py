"""What the papers printed: cells as CSV, digit by digit, and the layout of each table.

A paper is a folder here; ``table-N.csv`` has the cells of its table N, ``table-N.toml`` the layout
of those tables that the kit prints.
"""

from __future__ import annotations

import csv
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from kit.errors import KitError, unknown

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class PublishedCell:
    """One printed number, its digits as printed; ``std`` is None where none is printed."""

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

    def __str__(self) -> str:
        return self.mean if self.std is None else f"{self.mean}±{self.std}"


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column of a table: a task and what is scored on it, as the paper heads them."""

    task: str
    title: str
    metric: str


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows that belong together: (method, title as printed)."""

    title: str
    methods: tuple[tuple[str, str], ...]


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a table is laid out: blocks of columns, one below the other, and groups of rows."""

    title: str
    blocks: tuple[tuple[Column, ...], ...]
    groups: tuple[Group, ...]


def papers() -> list[str]:
    """Return the names of the papers."""
    return sorted(file.parent.name.replace("_", "-") for file in FOLDER.glob("*/table-5.csv"))


def tables(paper: str) -> list[int]:
    """Return the numbers of the tables that the kit can print."""
    found = (re.fullmatch(r"table-(\d+)", file.stem) for file in _folder(paper).glob("*.toml"))
    return sorted(int(match[1]) for match in found if match)


def layout(paper: str, number: int) -> Layout:
    """Return the layout of a table.

    Raises:
        KitError: there is no such paper or table.
    """
    if number not in tables(paper):
        known = ", ".join(map(str, tables(paper))) or "none yet"
        raise KitError(f"no table {number} of paper {paper!r}; there is {known}")
    text = (_folder(paper) / f"table-{number}.toml").read_text()
    return msgspec.convert(tomllib.loads(text), Layout)


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


def hours(task: str, method: str) -> float | None:
    """Return the V100-hours that a paper prints for one run of a method on a task."""
    for paper, number in (("dash", 6), ("nas-bench-360", 5)):
        for cell in published(paper, number):
            if (cell.task, cell.method, cell.metric) == (task, method, "total-hours"):
                return float(cell.mean)
    return None


def has_task(task: str) -> bool:
    """Tell whether a task is one of the papers'; others default to the clean protocol."""
    return any(cell.task == task for cell in published("dash", 5))


def _folder(paper: str) -> Path:
    if paper not in papers():
        raise unknown("paper", paper, papers())
    return FOLDER / paper.replace("-", "_")
