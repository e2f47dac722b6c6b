"""The overview's matrix: a symbol for each task and method of the papers' main tables."""

from __future__ import annotations

from dataclasses import dataclass

from kit.report.grid import Cell, Table

MAIN = (("dash", 5), ("nas-bench-360", 2))
TITLES = {"dash": "DASH", "nas-bench-360": "NAS-Bench-360"}


@dataclass(frozen=True)
class Sign:
    """How a cell stands.

    Attributes:
        name: CSS class.
        mark: the character shown, so that nothing is told by colour alone.
        title: the state, in words.
        meaning: for the legend.
    """

    name: str
    mark: str
    title: str
    meaning: str


SIGNS = {
    sign.title: sign
    for sign in (
        Sign("agrees", "✓", "agrees", "the difference lies inside the margin"),
        Sign("better", "▲", "better", "lower error than published"),
        Sign("worse", "▼", "worse", "higher error than published"),
        Sign("unclear", "?", "cannot tell", "too few seeds or too wide a spread"),
        Sign("erratum", "!", "cell in doubt", "the printed cell has an erratum"),
        Sign("reduced", "~", "reduced", "small profile or other data: no verdict is given"),
        Sign(
            "unjudged", "○", "no verdict", "measured in full, but there is nothing to judge it by"
        ),
        Sign("undefined", "∅", "no mean", "a seed is NaN or has several runs, or settings differ"),
        Sign("broken", "×", "unread", "results that are invalid and not used"),
        Sign("open", "·", "not run", "published, not measured here"),
        Sign("inapplicable", "–", "n/a", "the method does not apply to the task"),
        Sign("none", "", "none", "neither published nor measured"),
    )
}


def sign(cell: Cell) -> Sign:
    """Return the sign of a cell."""
    if cell.verdict is not None:
        return SIGNS[cell.verdict.label]
    if cell.measured is not None:
        if cell.measured.mean is None:
            return SIGNS["no mean"]
        full = (cell.measured.profile, cell.measured.tier) == ("paper", "published")
        return SIGNS["no verdict" if full else "reduced"]
    if cell.unread:
        return SIGNS["unread"]
    if cell.inapplicable:
        return SIGNS["n/a"]
    return SIGNS["not run" if cell.published else "none"]


def judged(table: Table) -> tuple[int, int]:
    """Return the number of cells that agree, and of those that have a verdict."""
    labels = [cell.verdict.label for row in table.rows for cell in row.cells if cell.verdict]
    return labels.count("agrees"), len(labels)


def legend(tables: list[Table]) -> list[tuple[Sign, int]]:
    """Return the signs that occur, and how often."""
    cells = [sign(cell) for table in tables for row in table.rows for cell in row.cells]
    return [(each, cells.count(each)) for each in SIGNS.values() if each.mark and each in cells]
