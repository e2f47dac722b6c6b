from __future__ import annotations

import pytest

from kit import task
from kit.report import table
from kit.report.tables.facts import size


@pytest.mark.parametrize(
    ("samples", "text"),
    [
        ({"train": 50_000, "test": 10_000}, "60K"),
        ({"train": 1_000_000}, "1M"),
        ({"train": 2_638, "val": 659, "test": 659}, "3956"),
        ({"train": 1_250_000}, "1.25M"),
        ({}, "0"),
    ],
)
def test_sizes_are_told_in_thousands_and_millions(samples: dict[str, int], text: str) -> None:
    assert size(samples) == text


@pytest.mark.parametrize(("paper", "number"), [("dash", 4), ("nas-bench-360", 1)])
def test_facts_come_from_the_folders_and_differences_have_reasons(paper: str, number: int) -> None:
    made = table.make(paper, number, [])
    assert {row.task for row in made.rows} <= set(task.names())
    assert len(made.rows) == 10
    cells = [cell for row in made.rows for cell in row.cells]
    assert all(cell.computed for cell in cells)
    off = [cell for cell in cells if cell.computed and cell.computed.agrees is False]
    assert {cell.key.metric for cell in off} <= {"size", "expert", "metric", "novelty"}
    assert all(cell.published and cell.published.note for cell in off)
