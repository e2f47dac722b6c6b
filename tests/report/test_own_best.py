"""Which rows of a task's own table are marked as the best."""

from __future__ import annotations

from kit.report.own.best import marks


def test_the_lowest_mean_and_what_cannot_be_told_from_it() -> None:
    found = marks({"a": [1.0, 1.1, 0.9], "b": [1.05, 1.2, 0.95], "c": [3.0, 3.1, 2.9], "d": []})
    assert found == {"a": "best", "b": "alike", "c": ""}
    assert marks({"a": [1.0]}) == {"a": ""}, "alone there is no best"


def test_equal_means_are_all_the_lowest() -> None:
    assert marks({"a": [2.0], "b": [2.0], "c": [3.0]}) == {"a": "best", "b": "best", "c": ""}
    found = marks({"a": [2.0, 2.0], "b": [1.0, 3.0], "c": [9.0, 9.1]})
    assert found == {"a": "best", "b": "best", "c": ""}
