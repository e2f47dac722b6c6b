from __future__ import annotations

import msgspec
import pytest

from kit.report import table
from kit.report.tables.hours import hours
from kit.runs.records import StageRecord
from tests.report.test_tables import result

SECONDS = {"search": 3600.0, "tune": 1800.0, "retrain": 900.0}
STAGES = {name: StageRecord(active_seconds=s, sessions=1) for name, s in SECONDS.items()}


def test_hours_are_those_of_the_stages_and_the_device_is_named() -> None:
    runs = [msgspec.structs.replace(result(seed), stages=STAGES) for seed in range(3)]
    made = table.make("dash", 6, runs)
    (row,) = [row for row in made.rows if row.task == "darcy-flow"]
    means = [cell.measured.mean for cell in row.cells if cell.measured]
    assert means == pytest.approx([1.0, 0.5, 0.25, 1.75])
    ((_, note), *_) = made.notes
    assert "on made up for a test" in note
    assert hours(runs[0], "training-hours") is None


def test_totals_of_the_paper_follow_from_its_parts_but_for_psicov() -> None:
    rows = {row.task: row.cells[-1] for row in table.make("dash", 6, []).rows}
    assert len(rows) == 10
    off = {name for name, cell in rows.items() if cell.computed and not cell.computed.agrees}
    assert off == {"psicov"}
    assert rows["psicov"].computed_text == "15.52"
