"""The axes of the report's charts."""

from __future__ import annotations

import re

import pytest

from kit.report.html import chart

NAN = float("nan")


@pytest.mark.parametrize(
    "values",
    [
        [0.1, 0.5, 3.2],
        [2.772589 - 1e-6 * n for n in range(5)],
        [2.772589 - 1e-12 * n for n in range(5)],
        [1e6 + n for n in range(5)],
        [1e-9 * n for n in range(5)],
        [-1e5, 1e5],
        [5.0, 5.0],
    ],
)
def test_every_tick_has_a_label_of_its_own_that_fits(values: list[float]) -> None:
    drawn = chart.line("entropy", list(range(len(values))), values, "epoch")
    labels = re.findall(r'text-anchor="end">([^<]*)<', drawn)[:-1]  # the last names the other axis
    assert len(labels) >= 3
    assert len(set(labels)) == len(labels)
    assert max(map(len, labels)) <= chart.LONGEST


def test_what_is_no_number_is_a_gap_and_may_be_the_last() -> None:
    drawn = chart.line("loss", [1, 2, 3, 4, 5, 6], [3.0, 2.0, NAN, 1.0, 0.5, NAN], "epoch")
    assert 'aria-label="loss: from 0.5 to 3, last no number"' in drawn
    (path,) = re.findall(r'class="line" d="([^"]*)"', drawn)
    assert re.sub(r"[^ML]", "", path) == "MLML"
    assert ">6</text>" in drawn


def test_of_many_points_a_gap_is_kept_and_the_extremes_beside_it() -> None:
    count = 10 * chart.MOST_POINTS
    values = [1.0] * count
    values[600], values[602], values[604] = NAN, 9.0, -9.0
    drawn = chart.line("loss", list(range(count)), values, "epoch")
    (path,) = re.findall(r'class="line" d="([^"]*)"', drawn)
    assert path.count("M") == 2
    assert len(re.findall("[ML]", path)) <= chart.MOST_POINTS
    ups = [float(point.split()[1]) for point in re.split("[ML]", path)[1:]]
    assert sum(up < min(ups) + 1 for up in ups) == sum(up > max(ups) - 1 for up in ups) == 1
