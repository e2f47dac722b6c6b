"""The methods that are DASH with other settings: what they change, and what they leave."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from kit import method, paths, task
from kit.engines.execute import ExecuteOptions, execute
from kit.errors import KitError
from kit.methods.dash.info import DashSettings
from kit.methods.wrn.info import WrnSettings
from tests.specs import smoke_spec

TABLE_7 = ("ecg", "satellite", "deepsea")


def settings(name: str, of: str, *overrides: str, protocol: Any = "released") -> Any:
    found = task.find(of)
    return method.find(name).settings(found, protocol, "paper", found.tiers[0], overrides)


@pytest.mark.parametrize("of", ["darcy-flow", "ninapro", "deepsea"])
def test_baby_dash_is_dash_over_a_small_space(of: str) -> None:
    baby, dash = settings("baby-dash", of), settings("dash", of)
    assert isinstance(baby, DashSettings)
    assert (baby.kernel_sizes, baby.dilations) == ((3, 5), (1, 2))
    assert (baby.search, baby.tune, baby.retrain) == (dash.search, dash.tune, dash.retrain)
    wider = settings("baby-dash", of, "kernel_sizes=[3, 5, 7]", "dilations=[1]")
    assert (wider.kernel_sizes, wider.dilations) == ((3, 5, 7), (1,))
    assert "not stated in the appendix" in method.find("baby-dash").title


@pytest.mark.parametrize("of", TABLE_7)
def test_dash_tcn_keeps_the_tasks_schedule_or_takes_its_own(of: str) -> None:
    ours, dash = settings("dash-tcn", of), settings("dash", of)
    assert (ours.search, ours.tune, ours.retrain) == (dash.search, dash.tune, dash.retrain)
    assert ours.backbone == "tcn"
    other = settings("dash-tcn", of, "recipe=tcn")
    assert (other.search.epochs, other.retrain.epochs) == (20, 40)
    assert other.search.optimiser.kind == "adam"
    assert other.search.optimiser.learning_rate == 0.1
    assert other.search.schedule.milestones == (10,)
    assert other.retrain.schedule.milestones == (20,)
    assert other.recipe == "tcn"


def test_tcn_is_the_released_baseline() -> None:
    ours = settings("tcn", "deepsea")
    assert isinstance(ours, WrnSettings)
    assert (ours.backbone, ours.batch_size, ours.epochs) == ("tcn", 256, 200)
    assert (ours.batch_fraction, ours.schedule.milestones) == (0.2, (30, 60, 90, 120, 160))
    assert settings("tcn", "deepsea", protocol="clean").batch_fraction == 1.0
    assert settings("tcn", "ecg", "recipe=tcn").optimiser.kind == "adam"


def test_a_recipe_that_there_is_not() -> None:
    with pytest.raises(KitError, match="unknown recipe 'tcm'; did you mean 'tcn'"):
        settings("dash-tcn", "ecg", "recipe=tcm")


@pytest.mark.parametrize("name", ["tcn", "dash-tcn"])
def test_a_1d_backbone_refuses_2d_data(name: str) -> None:
    assert method.find(name).applies(task.find("ecg")) is None
    reason = method.find(name).applies(task.find("darcy-flow"))
    assert reason == "it is for 1D data, and this task is 2D"


def test_unknown_option_of_a_backbone(darcy: object) -> None:
    with pytest.raises(KitError, match="backbone wide-resnet has no option 'weight_norm'"):
        execute(smoke_spec("dash", "backbone_options={weight_norm = true}"), ExecuteOptions())


def test_recipes_and_options_are_part_of_a_runs_identity() -> None:
    plain = smoke_spec("dash")
    for override in ("search.temperature=0.5", "search.optimiser.kind=adam", "search.warm_start=1"):
        assert smoke_spec("dash", override).id != plain.id


def test_the_rates_at_lite_are_those_that_the_rule_of_the_documentation_gave() -> None:
    """The bold row of docs/search.md has rates, and entropies that are lower by a tenth or more."""
    text = (paths.project() / "docs" / "search.md").read_text(encoding="utf-8")
    (row,) = (line for line in text.splitlines() if line.startswith("| **") and "`lite`" in line)
    cells = re.findall(r"\*\*([\d.]+)", row)
    for of, rate, entropy in zip(("darcy-flow", "ecg"), cells[::2], cells[1::2], strict=True):
        found = task.find(of)
        lite = method.find("dash").settings(found, "released", "lite", found.tiers[0])
        assert isinstance(lite, DashSettings)
        assert lite.search.alpha_learning_rate == float(rate)
        even = math.log(len(lite.kernel_sizes) * len(lite.dilations))
        assert float(entropy) < 0.9 * even
