"""Which rows a task's own table has, and which of them cannot be run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit import task
from kit.cli.planning import methods_on
from kit.spec import Kind

KIND = Kind("smoke", "clean", "synthetic")
SHORT = replace(task.find("satellite"), sample_shape=(1, 5))
FLAT = replace(task.find("darcy-flow"), sample_shape=(1, 2, 9))


@pytest.mark.parametrize(
    ("the_task", "name", "words"),
    [
        (SHORT, "amber", "sequences of 5 positions are too short for 4 layers"),
        (SHORT, "amber-random", "sequences of 5 positions are too short for 4 layers"),
        (FLAT, "te-nas", "search.region_size = 3: inputs are"),
    ],
)
def test_samples_that_the_settings_of_a_method_forbid(
    the_task: task.Task, name: str, words: str
) -> None:
    """All other methods can be run still; one that was asked for is refused where it is planned."""
    reasons = dict(methods_on(the_task, (), True, KIND))
    assert words in (reasons[name] or "")
    assert reasons["wrn"] is None
    assert dict(methods_on(the_task, (name,), False, KIND))[name] is None
