from __future__ import annotations

import math

import pytest
from scipy.stats import rankdata

from kit.papers import Key
from kit.report import table
from kit.report.cells import Measured
from kit.report.tables.ranks import aggregate, measured_errors
from tests.report.test_tables import result

ERRORS = {
    "one": {"wrn": 0.5, "a": 0.25, "b": 0.5, "c": 1.0},
    "two": {"wrn": 2.0, "a": 1.0, "b": math.inf},
    "three": {"wrn": 4.0, "a": 5.0},
}


def test_ranks_average_ties_and_what_failed_is_last() -> None:
    assert aggregate(ERRORS, Key("", "a", "median-rank")) == 1.0
    assert aggregate(ERRORS, Key("", "b", "median-rank")) == (2.5 + 3.0) / 2
    assert aggregate(ERRORS, Key("", "wrn", "median-rank")) == 2.0
    assert aggregate(ERRORS, Key("", "nobody", "median-rank")) is None
    for row in ERRORS.values():
        theirs = dict(zip(row, rankdata(list(row.values())), strict=True))
        for name in row:
            assert aggregate({"": row}, Key("", name, "median-rank")) == theirs[name]


def test_improvement_over_wrn_in_per_cent() -> None:
    assert aggregate(ERRORS, Key("", "a", "improvement")) == 50.0
    assert aggregate(ERRORS, Key("", "wrn", "improvement")) == 0.0
    assert aggregate(ERRORS, Key("", "c", "improvement")) == -100.0
    assert aggregate(ERRORS, Key("", "b", "improvement")) == -math.inf
    assert aggregate({"": {"wrn": 0.0, "a": 0.1}}, Key("", "a", "improvement")) is None


def test_table_3_follows_from_table_2_but_for_the_swap() -> None:
    made = table.make("nas-bench-360", 3, [])
    cells = {cell.key: cell for row in made.rows for cell in row.cells}
    differing = {key for key, cell in cells.items() if cell.computed and not cell.computed.agrees}
    assert differing == {Key("", m, "improvement") for m in ("densenas", "densenas-random")}
    swapped = [cells[Key("", m, "improvement")] for m in ("densenas", "densenas-random")]
    for cell, other in (swapped, swapped[::-1]):
        assert cell.computed
        assert other.published
        assert cell.computed.value == pytest.approx(float(other.published.mean), abs=0.005)


def measured(task: str, method: str, *values: float | None, profile: str = "lite") -> Measured:
    return Measured(
        task=task,
        method=method,
        metric="m",
        unit="fraction",
        profile=profile,  # type: ignore[arg-type]
        protocol="released",
        tier="sample",
        values=dict(enumerate(values)),
        settings=(),
    )


def test_measured_ranks_are_of_one_profile_and_a_failure_is_the_worst() -> None:
    cells = [
        measured("one", "wrn", 0.4, 0.6),
        measured("one", "a", 0.1, 0.3),
        measured("one", "b", 0.1, None),
        measured("two", "wrn", 0.5),
        measured("two", "a", 0.0, profile="smoke"),
    ]
    errors, how = measured_errors({Key(c.task, c.method, c.metric): c for c in cells})
    assert errors == {"one": {"wrn": 0.5, "a": pytest.approx(0.2), "b": math.inf}}
    assert how.startswith("among 3 methods measured on 1 tasks; profile lite, protocol released")
    assert how.endswith("cells without a mean, counted as worst: 1")
    assert aggregate(errors, Key("", "a", "median-rank")) == 1.0


def test_one_method_alone_has_no_rank() -> None:
    results = [result(seed, 0.2, name="wrn") for seed in range(3)]
    made = table.make("nas-bench-360", 3, results)
    assert all(cell.derived is None for row in made.rows for cell in row.cells)
