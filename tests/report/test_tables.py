from __future__ import annotations

import csv
import io
import json
import math

import msgspec
import pytest

from kit import method, task
from kit.report import formats, table
from kit.report.cells import number, spread
from kit.report.choice import fill
from kit.report.grid import Cell
from kit.report.kinds import WantedKind
from kit.runs.records import SCHEMA, MetricValue, Provenance, Result, StageRecord
from kit.spec import brief

DARCY = task.find("darcy-flow")


def result(
    seed: int = 0,
    value: float | None = 0.1,
    name: str = "dash",
    profile: str = "lite",
    protocol: str = "released",
    **changes: object,
) -> Result:
    spec = method.find(name).spec(
        DARCY,
        seed,
        protocol=protocol,  # type: ignore[arg-type]
        profile=profile,  # type: ignore[arg-type]
        tier="regenerated",
    )
    metric = MetricValue(value=value, unit="fraction", aggregation="mean", n_units=4, n_undefined=0)
    words = dict.fromkeys(
        ("started", "ended", "python", "torch", "device", "data"), "made up for a test"
    )
    nothing = dict.fromkeys(
        ("git_sha", "git_dirty", "cuda", "driver", "device_uuid", "image_id", "image_digest")
    )
    return Result(
        schema=SCHEMA,
        spec=msgspec.structs.replace(spec, **changes),
        metrics={"relative-l2": metric},
        stages={"retrain": StageRecord(active_seconds=1.0, sessions=1)},
        architecture=None,
        artifacts=[],
        parameters=1,
        macs=1,
        code_hash="",
        provenance=Provenance(**words, **nothing, threads=1),  # type: ignore[arg-type]
    )


THREE = [result(seed, value) for seed, value in enumerate((0.05, 0.07, 0.06))]


def darcy_cell(results: list[Result], name: str = "dash") -> Cell:
    made = table.make("dash", 5, results)
    (row,) = [row for row in made.rows if row.method == name]
    (cell,) = [cell for cell in row.cells if cell.column.task == "darcy-flow"]
    return cell


def test_mean_and_sample_deviation_over_seeds() -> None:
    cell = darcy_cell(THREE)
    assert cell.measured is not None
    assert cell.measured.mean == pytest.approx(0.06)
    assert cell.measured.std == pytest.approx(0.01)
    assert cell.measured_text == "0.060±0.010 [a]"
    assert str(cell.published) == "0.0079±0.002"


def test_a_missing_seed_is_shown() -> None:
    assert darcy_cell(THREE[:2]).measured_text == "0.060±0.014 (2 of 3) [a]"
    assert darcy_cell(THREE[:1]).measured_text == "0.05 (1 of 3) [a]"
    assert darcy_cell([]).measured_text == "not run"


def test_a_seed_without_a_value_is_never_averaged_away() -> None:
    broken = [*THREE[:2], result(2, None)]
    cell = darcy_cell(broken)
    assert cell.measured_text == "NaN (1/3) [a]"
    assert cell.measured is not None
    assert cell.measured.mean is None


def test_profiles_and_protocols_never_mix() -> None:
    smoke = [result(seed, 9.0, profile="smoke") for seed in range(3)]
    clean = [result(seed, 5.0, protocol="clean") for seed in range(3)]
    cell = darcy_cell([*smoke, *clean, *THREE])
    assert cell.measured is not None
    assert cell.measured.mean == pytest.approx(0.06)
    only, _ = fill([*smoke, *THREE], WantedKind("smoke"))
    assert only["darcy-flow", "dash"].mean == 9.0


def test_runs_with_overrides_or_of_another_version_fill_no_cell() -> None:
    for changes, words in (
        ({"overrides": ("search.epochs=1",)}, "it has overrides (search.epochs=1)"),
        ({"method_version": 99}, f"method version 99, now {method.find('dash').version}"),
        ({"task_version": 99}, "task version 99, now 1"),
        ({"task": "darcy"}, "not in this kit"),
    ):
        made = table.make("dash", 5, [result(**changes)])
        assert all(cell.measured is None for row in made.rows for cell in row.cells)
        assert any(words in remark for remark in made.remarks)


def test_notes_name_an_architecture_in_short_in_all_forms() -> None:
    long = [f"architecture={[['sep_conv_5x5', each]] * 9}" for each in (0, 1)]
    made = table.make("dash", 5, [result(n, overrides=(each,)) for n, each in enumerate(long)])
    short = [brief(each) for each in long]
    assert len({*short}) == 2
    assert all(len(each) < 40 and each.startswith("architecture=sha256:") for each in short)
    for form in ("text", "md", "latex", "json"):
        told = formats.render(made, form)
        assert all(each in told for each in short), form
        assert "sep_conv" not in told.replace("\\_", "_"), form
    assert len(str(result(overrides=(long[0],)).spec)) < 120


def test_a_seed_with_two_valid_runs_has_no_mean_and_both_are_named() -> None:
    other = result(0, 0.2, settings={**THREE[0].spec.settings, "batch_size": 3})
    made = table.make("dash", 5, [*THREE, other])
    cell = darcy_cell([*THREE, other])
    assert cell.measured is not None
    assert (cell.measured.mean, cell.measured.std) == (None, None)
    assert cell.measured_text == "several runs of seed 0 [a]"
    (remark,) = made.conflicts
    assert remark in made.remarks
    assert str(THREE[0].spec.folder) in remark
    assert str(other.spec.folder) in remark


def test_notes_name_seeds_tier_and_what_a_reduced_profile_changed() -> None:
    made = table.make("dash", 5, THREE)
    (letter, note), *others = made.notes
    assert all(text.startswith("n/a: ") for _, text in others)
    assert letter == "a"
    for words in ("seeds 0, 1, 2", "profile lite", "released", "regenerated (not the papers'"):
        assert words in note
    assert "retrain.width=1" in note
    assert "data.stride=" in note


@pytest.mark.parametrize(
    ("mean", "std", "text"),
    [
        (23.351, 0.0512, "23.351±0.051"),
        (0.0079, 0.0021, "0.0079±0.0021"),
        (123.4, 17.2, "123±17"),
        (0.5, None, "0.5"),
        (0.25, 0.0, "0.25"),
        (1.0, 0.099999, "1.00±0.10"),
    ],
)
def test_numbers_have_two_digits_of_their_deviation(
    mean: float, std: float | None, text: str
) -> None:
    assert number(mean, std) == text


def test_a_method_that_cannot_take_a_task_says_why() -> None:
    made = table.make("dash", 5, [])
    cells = {cell.key.task: cell for row in made.rows if row.method == "tcn" for cell in row.cells}
    reason = "it is for 1D data, and this task is 2D"
    mark = cells["ninapro"].note
    assert cells["ecg"].measured_text == "not run"
    assert cells["ninapro"].measured_text == f"n/a [{mark}]"
    assert (mark, f"n/a: {reason}") in made.notes
    assert cells["psicov"].note == mark  # the report shows it, other forms leave this part out
    for form in ("text", "md"):
        assert f"[{mark}] n/a: {reason}" in formats.render(made, form)
    told = json.loads(formats.render(made, "json"))
    (row,) = [row for row in told["rows"] if row["method"] == "tcn"]
    assert [cell["inapplicable"] for cell in row["cells"]] == [reason] * 7 + [None] * 3
    assert f",n/a: {reason}," in formats.render(made, "csv").replace('"', "")


def test_json_has_the_agreed_form() -> None:
    value = json.loads(formats.render(table.make("dash", 5, THREE), "json"))
    assert (value["paper"], value["table"], len(value["rows"])) == ("dash", 5, 11)
    (row,) = [row for row in value["rows"] if row["method"] == "dash"]
    assert len(row["cells"]) == 10
    (cell,) = [cell for cell in row["cells"] if cell["task"] == "darcy-flow"]
    assert cell["published"]["mean"] == 0.0079
    measured = cell["measured"]
    assert measured["mean"] == pytest.approx(0.06)
    assert measured["seeds"] == [0, 1, 2]
    assert (measured["n"], measured["profile"], measured["tier"]) == (3, "lite", "regenerated")
    assert cell["verdict"] is None
    assert row["cells"][0]["measured"] is None


def test_csv_is_tidy() -> None:
    text = formats.render(table.make("dash", 5, THREE), "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 11 * 10
    (row,) = [r for r in rows if (r["method"], r["task"]) == ("dash", "darcy-flow")]
    assert math.isclose(float(row["measured_mean"]), 0.06)
    assert row["published_std"] == "0.002"


def test_latex_escapes_and_balances() -> None:
    text = formats.render(table.make("dash", 5, THREE[:2]), "latex")
    assert text.count(r"\begin{") == text.count(r"\end{")
    assert r"0-1 error (\%)" in text
    assert r"0.060$\pm$0.014\textsuperscript{a}$^\dagger$" in text
    assert "±" not in text


def test_groups_and_blocks_stand_as_in_the_paper() -> None:
    text = formats.render(table.make("dash", 5, []), "text")
    upper, lower = text.split("NinaPro")
    for half, missing in ((upper, ("TCN", "AMBER")), (lower, ("Auto-DL",))):
        positions = [half.index(f"-- {name} ") for name in ("non-automated", "automated")]
        assert positions == sorted(positions)
        assert all(name not in half for name in missing)


def test_many_seeds_are_told_in_short_and_other_data_out_loud() -> None:
    made = table.make("dash", 5, [result(seed) for seed in range(10)])
    assert "seeds 0 to 9;" in made.notes[0][1]
    assert "cells measured here: 1 on regenerated data" in made.remarks


def test_a_deviation_needs_two_values() -> None:
    assert spread([4.0986], None, "of one").text == "4.10"
    assert spread([4.0, 4.0], None, "of two").text == "4.00±0.00"
