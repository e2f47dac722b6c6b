"""The axes of the report's charts."""

from __future__ import annotations

import re

import pytest

from kit.report.html import chart


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
