from __future__ import annotations

import json

import msgspec
import pytest

from kit import method
from kit.report import formats, table
from kit.report.grid import Cell
from kit.runs.records import MetricValue, Result
from kit.spec import Protocol
from tests.report.test_tables import result
from tests.specs import smoke_spec


def psicov(seed: int, protocol: Protocol, *, whole: float, released: float) -> Result:
    spec = smoke_spec("dash", of="psicov", seed=seed, protocol=protocol)
    values = {"mae8": whole, "mae8/released-symmetry": released}
    metrics = {
        name: MetricValue(value=v, unit="angstrom", aggregation="mean", n_units=4, n_undefined=0)
        for name, v in values.items()
    }
    return msgspec.structs.replace(result(seed), spec=spec, metrics=metrics)


def cell_of(results: list[Result], task_name: str, name: str = "dash") -> Cell:
    made = table.make("dash", 5, results)
    (row,) = [row for row in made.rows if row.method == name]
    (cell,) = [cell for cell in row.cells if cell.key.task == task_name]
    return cell


def test_the_released_code_of_psicov_scores_in_its_own_way() -> None:
    found = [psicov(seed, "released", whole=4.0 + seed, released=3.0) for seed in range(3)]
    measured = cell_of(found, "psicov").measured
    assert measured is not None
    assert (measured.metric, measured.mean) == ("mae8/released-symmetry", 3.0)
    assert measured.beside is not None
    assert (measured.beside.metric, measured.beside.mean) == ("mae8", 5.0)
    (_, note), *others = table.make("dash", 5, found).notes
    assert all(each.startswith("n/a") for _, each in others), others
    assert "scored as released, mae8/released-symmetry; mae8 itself: 5.0±1.0" in note


def test_the_clean_protocol_does_not() -> None:
    found = [psicov(0, "clean", whole=4.0, released=3.0)]
    measured = cell_of(found, "psicov").measured
    assert measured is not None
    assert (measured.metric, measured.mean, measured.beside) == ("mae8", 4.0, None)


@pytest.mark.parametrize("form", ["text", "md", "latex"])
def test_methods_that_no_paper_has_follow_in_a_group_of_their_own(form: str) -> None:
    made = table.make("dash", 5, [result(0, 0.3, name="constant"), result(0, 0.1)])
    assert [row.method for row in made.rows if row.group == table.OTHERS] == ["constant"]
    assert all(cell.published is None for cell in made.rows[-1].cells)
    text = formats.render(made, form)
    assert text.index("BABY DASH") < text.index(table.OTHERS) < text.index(made.rows[-1].title)


def test_the_lowest_are_marked_among_cells_of_one_kind() -> None:
    full = [result(0, 0.3, name="wrn"), result(0, 0.2)]
    marked = {
        row.method
        for row in table.make("dash", 5, full).rows
        for cell in row.cells
        if cell.best_measured
    }
    assert marked == {"dash"}
    other = [result(0, 0.3, name="wrn", profile="smoke"), result(0, 0.2)]
    rows = table.make("dash", 5, other).rows
    assert not any(cell.best_measured for row in rows for cell in row.cells)


def test_the_best_of_groups_and_columns_are_computed() -> None:
    rows = {row.method: row for row in table.make("dash", 5, []).rows}
    assert [cell.best for cell in rows["dash"].cells] == [
        *("group", None, "column", "group", None),
        *("column", "column", "group", "column", "column"),
    ]
    assert [cell.best for cell in rows["wrn"].cells[5:7]] == ["group", None]


def test_full_runs_on_the_papers_data_are_judged() -> None:
    values = (0.0079, 0.0099, 0.0059)
    runs = [result(s, v, profile="paper", tier="published") for s, v in enumerate(values)]
    made = table.make("dash", 5, runs)
    (cell,) = [c for row in made.rows for c in row.cells if c.measured]
    assert cell.verdict is not None
    assert cell.verdict.label == "agrees"
    assert cell.measured_text == "0.0079±0.0020 [a] agrees"
    assert any(remark.startswith("1 of 1 cells agree") for remark in made.remarks)
    assert json.loads(formats.render(made, "json"))["rows"][-1]["cells"][2]["verdict"]["interval"]


def test_a_printed_cell_in_doubt_is_not_judged() -> None:
    runs = [psicov(seed, "released", whole=3.8, released=3.8 + seed / 100) for seed in range(3)]
    full = [
        msgspec.structs.replace(
            run,
            spec=msgspec.structs.replace(
                run.spec,
                method="wrn",
                method_version=method.find("wrn").version,
                profile="paper",
                tier="published",
            ),
        )
        for run in runs
    ]
    cell = cell_of(full, "psicov", "wrn")
    assert cell.published
    assert cell.published.note
    assert cell.verdict is not None
    assert (cell.verdict.label, cell.verdict.reason) == ("cell in doubt", cell.published.note)
