"""Studies: variants of a method, planned, run with their overrides, and printed."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from kit import method, studies, task
from kit.engines.execute import ExecuteOptions, execute
from kit.errors import KitError
from kit.files import canonical_json
from kit.report import study
from kit.runs.records import ArchitectureRecord, MetricValue, Result, StageRecord
from kit.spec import Kind, RunSpec
from tests.conftest import Run

KIND = Kind("smoke", "released", "regenerated")
DARCY = task.find("darcy-flow")


@pytest.mark.parametrize("name", ["ablation"])
def test_variants_change_what_they_say_and_nothing_else(name: str) -> None:
    found = studies.find(name)
    runs = studies.specs(found, DARCY, [0], KIND)
    first, *others = [specs[0] for specs in runs.values()]
    assert first.overrides == ()
    assert len({spec.id for spec in (first, *others)}) == len(found.variants)
    for variant, spec in zip(found.variants[1:], others, strict=True):
        changed = {
            f"{part}.{name}"
            for part in ("search", "tune", "retrain", "speed")
            for name, value in spec.settings[part].items()
            if value != first.settings[part][name]
        }
        assert changed == {override.partition("=")[0] for override in variant.overrides}


def test_ablation_has_the_rows_of_its_question() -> None:
    keys = {
        override.partition("=")[0]
        for variant in studies.find("ablation").variants
        for override in variant.overrides
    }
    wanted = ("separable", "gumbel", "penalty", "width", "method")
    assert keys == {"speed.precision", *(f"search.{name}" for name in wanted)}


def test_controls_are_other_methods_with_seeds_of_their_own() -> None:
    found = studies.find("controls")
    runs = studies.specs(found, DARCY, [], KIND)
    told = {title: (len(specs), specs[0].method) for title, specs in runs.items()}
    assert [*told.values()] == [
        (3, "dash"),
        (10, "dash-random"),
        (3, "dash-uniform"),
        (3, "dash-uniform"),
    ]
    *_, sevens = runs.values()
    assert (sevens[0].settings["kernel_size"], sevens[0].settings["dilation"]) == (7, 3)
    asked = studies.specs(found, DARCY, [4], KIND)
    assert {spec.seed for specs in asked.values() for spec in specs} == {4}
    drawn = [result(spec, 0.05, [["a", 3, 1]]) for spec in runs["layers drawn"]]
    without = [msgspec.structs.replace(each, stages={}) for each in drawn]
    table = study.make("controls", DARCY, without, [], KIND)
    row = table.rows[1]
    assert (len(row.values), row.seconds, row.missing) == (10, None, 0)
    text = study.as_text(table)
    assert "0.05±0 (10)" in text
    assert "9 runs are missing" in text
    metrics = {
        name: msgspec.structs.replace(each, value=None) for name, each in without[0].metrics.items()
    }
    undefined = [msgspec.structs.replace(each, metrics=metrics) for each in without]
    row = study.make("controls", DARCY, undefined, [], KIND).rows[1]
    assert (len(row.values), row.missing) == (0, 0), "to run them again changes nothing"


def test_a_variant_tells_what_is_changed() -> None:
    variant = studies.specs(studies.find("ablation"), DARCY, [0], KIND)["no penalty"][0]
    assert variant.settings["search"]["penalty"] == 0
    assert str(variant).endswith("-o search.penalty=0.0")


def result(spec: RunSpec, value: float, choices: list[list[Any]]) -> Result:
    """A result that no run left, with what the table reads of one."""
    return msgspec.convert(
        {
            "schema": 1,
            "spec": msgspec.to_builtins(spec),
            "metrics": {
                "relative-l2": msgspec.to_builtins(
                    MetricValue(
                        value=value, unit="fraction", aggregation="m", n_units=1, n_undefined=0
                    )
                )
            },
            "stages": {"search": msgspec.to_builtins(StageRecord(active_seconds=10.0, sessions=1))},
            "architecture": msgspec.to_builtins(
                ArchitectureRecord(kind="kernel-dilation", version=1, value=choices)
            ),
            "artifacts": [],
            "parameters": 1,
            "macs": 1,
            "code_hash": "",
            "provenance": PROVENANCE,
        },
        Result,
    )


PROVENANCE = dict.fromkeys(
    ("git_sha", "git_dirty", "cuda", "driver", "device_uuid", "image_id", "image_digest")
) | {
    "started": "",
    "ended": "",
    "python": "",
    "torch": "",
    "device": "CPU",
    "threads": 1,
    "data": "",
}


def test_the_table_by_hand() -> None:
    """Differences by seed: 0.01, 0.02, 0.03; t of 2 degrees of freedom is 4.3027."""
    runs = studies.specs(studies.find("ablation"), DARCY, [0, 1, 2], KIND)
    first, second = runs["DASH"], runs["no penalty"]
    one, other = [["a", 3, 1], ["b", 5, 3]], [["a", 3, 1], ["b", 9, 15]]
    results = [result(spec, 0.05, one) for spec in first]
    pairs = zip(second, (0.06, 0.07, 0.08), (one, other, other), strict=True)
    results += [result(spec, value, choices) for spec, value, choices in pairs]
    table = study.make("ablation", DARCY, results, [0, 1, 2], KIND)
    row = next(row for row in table.rows if row.title == "no penalty")
    assert row.mean == pytest.approx(0.07)
    assert row.change == pytest.approx(0.02)
    reach = 4.30265 * 0.01 / 3**0.5
    assert row.interval == pytest.approx((0.02 - reach, 0.02 + reach), abs=1e-5)
    assert row.same == 1
    assert row.layers == pytest.approx(4 / 6)
    text = study.as_text(table)
    assert "0.07±0.01 (3)  +0.02" in text
    assert "not the papers' data" in text
    assert "15 runs are missing" in text
    assert "dense search" in text
    markdown = study.as_markdown(table)
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 7
    assert {line.count("|") for line in lines} == {7}
    assert "| no penalty | 0.07±0.01 (3) | +0.02 | -0.0048 .. +0.045 | 67 %, 1 whole |" in markdown


def test_a_row_may_be_compared_with_another_one_than_the_first() -> None:
    runs = studies.specs(studies.find("ablation"), DARCY, [0], KIND)
    direct, fourier = "direct convolutions, float64", "Fourier convolutions, float64"
    found = (("DASH", 0.05, 3), (direct, 0.06, 5), (fourier, 0.08, 5))
    results = [result(runs[title][0], value, [["a", size, 1]]) for title, value, size in found]
    table = study.make("ablation", DARCY, results, [0], KIND)
    rows = {row.title: row for row in table.rows}
    assert rows[direct].change == pytest.approx(0.01)
    assert rows[fourier].change == pytest.approx(0.02)
    assert (rows[direct].same, rows[fourier].same) == (0, 1)
    assert f"with the first row, seed by seed; {fourier} against {direct}" in study.as_text(table)


@pytest.mark.usefixtures("darcy")
def test_direct_and_fourier_find_the_same_architecture_for_the_same_noise() -> None:
    """The same choices in every layer, so that what comes after is the same to the bit."""
    found = []
    for way in ("dilation", "fourier"):
        overrides = [f"search.method={way}", "speed.precision=float64"]
        spec = method.find("dash").spec(DARCY, 0, overrides=overrides, **KIND._asdict())
        result = execute(spec, ExecuteOptions())
        assert result is not None
        found.append((result.architecture, result.metrics))
    assert found[0] == found[1]


def test_reproduce_plans_and_prints_a_study(kit: Run, darcy: object) -> None:
    words = ("--study", "ablation", "--task", "darcy-flow", "--profile", "smoke", "--seed", "0")
    done = kit("reproduce", *words, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("darcy-flow dash seed 0") == 7
    assert "-o search.separable=false" in done.stdout
    wrong = kit("reproduce", "--study", "ablatio", "--task", "darcy-flow", "--profile", "smoke")
    assert wrong.returncode == 2
    assert "did you mean 'ablation'" in wrong.stderr
    several = kit("reproduce", "--study", "ablation", "--profile", "smoke")
    assert "a study is of one task" in several.stderr
    both = kit("reproduce", "--study", "ablation", "--table", "5", "--profile", "smoke")
    assert "say which" in both.stderr


def test_a_study_that_there_is_not() -> None:
    with pytest.raises(KitError, match="unknown study"):
        studies.find("oblation")


def test_scores_of_seeds_are_json() -> None:
    runs = studies.specs(studies.find("ablation"), DARCY, [0, 1], KIND)["DASH"]
    results = [result(spec, 0.05, [["a", 3, 1]]) for spec in runs]
    table = study.make("ablation", DARCY, results, [0, 1], KIND)
    rows = json.loads(canonical_json(study.as_json(table)))["rows"]
    assert rows[0]["values"] == {"0": 0.05, "1": 0.05}


def test_as_json_has_means() -> None:
    table = study.make("ablation", DARCY, [], [0], KIND)
    rows = json.loads(json.dumps(study.as_json(table)))["rows"]
    assert [row["mean"] for row in rows] == [None] * 7
