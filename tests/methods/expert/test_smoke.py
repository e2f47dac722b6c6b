"""From data to score at sizes that take no time: the experts that no other test here runs."""

from __future__ import annotations

import math

import pytest

from kit import method, papers, task
from kit.data.preparing import prepare
from kit.engines.execute import ExecuteOptions, execute

RUN_ELSEWHERE = {"cosmic", "darcy-flow", "deepsea", "satellite"}
TASKS = [name for name in task.names() if papers.has_task(name) and name not in RUN_ELSEWHERE]


@pytest.mark.parametrize("name", TASKS)
def test_an_expert_is_trained_and_scored(name: str) -> None:
    found, expert = task.find(name), method.find("expert")
    tier = found.tiers[-1]
    prepare(found, tier, "smoke")
    spec = expert.spec(found, 0, protocol="clean", profile="smoke", tier=tier)
    result = execute(spec, ExecuteOptions())
    assert result is not None
    value = result.metrics[found.metrics[0]].value
    assert value is not None
    assert math.isfinite(value)
    assert result.parameters
