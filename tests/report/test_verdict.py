from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from kit import paths
from kit.papers import PublishedCell
from kit.report.verdict import (
    MARGINS,
    MOST_SEEDS,
    POWER,
    Sample,
    Verdict,
    judge,
    measured,
    power_to_agree,
    printed,
    summary,
    verdict,
    welch_interval,
)


def cell(mean: str = "24.37", std: str | None = "0.81", **changes: Any) -> PublishedCell:
    facts: dict[str, Any] = {
        "paper": "dash",
        "table": 5,
        "method": "dash",
        "task": "cifar-100",
        "metric": "zero-one-error",
        "mean": mean,
        "std": std,
        "unit": "%",
        "n_runs": 3,
        "note": None,
    }
    return PublishedCell(**{**facts, **changes})


def given(
    published: PublishedCell, values: list[float | None], metric: str = "zero-one-error"
) -> Verdict:
    found = verdict(published, values, metric=metric, profile="paper", tier="published")
    assert found is not None
    return found


@pytest.mark.parametrize(("n", "m"), [(3, 3), (3, 12), (5, 2)])
def test_interval_is_scipys(n: int, m: int) -> None:
    draw = np.random.default_rng(n * 100 + m)
    left, right = draw.normal(3, 1, n), draw.normal(4, 5, m)
    interval = welch_interval(measured(left.tolist()), measured(right.tolist()))
    peer = stats.ttest_ind(right, left, equal_var=False).confidence_interval(0.90)
    assert interval == pytest.approx((peer.low, peer.high))


@pytest.mark.parametrize(
    ("mean", "values", "label"),
    [
        ("24.37", [24.3, 24.4, 24.5], "agrees"),
        ("24.37", [28.3, 28.4, 28.5], "worse"),
        ("24.37", [20.3, 20.4, 20.5], "better"),
        ("24.37", [20.3, 24.4, 28.5], "cannot tell"),
        ("24.37", [24.4], "cannot tell"),
    ],
)
def test_labels(mean: str, values: list[float | None], label: str) -> None:
    assert given(cell(mean, "0.11"), values).label == label


def test_a_significant_difference_within_the_margin_agrees() -> None:
    found = given(cell("24.37", "0.01"), [24.60, 24.61, 24.62])
    assert found.interval is not None
    assert found.interval[0] > 0
    assert found.label == "agrees"


def test_printed_digits_are_taken_at_their_least_favourable() -> None:
    sample = printed(cell("0.40", "0.00"))
    assert (sample.mean, sample.std, sample.rounding) == (0.40, 0.005, 0.005)
    assert printed(cell("14", None)).rounding == 0.5
    exact = welch_interval(Sample(0.40, 0.005, 3), measured([0.39, 0.40, 0.41]))
    rounded = welch_interval(sample, measured([0.39, 0.40, 0.41]))
    assert exact is not None
    assert rounded == pytest.approx((exact[0] - 0.005, exact[1] + 0.005))


def test_a_doubtful_cell_keeps_its_interval_but_has_no_other_verdict() -> None:
    found = verdict(
        cell(),
        [24.3, 24.4, 24.5],
        metric="zero-one-error",
        profile="paper",
        tier="published",
        erratum="printed twice",
    )
    assert found is not None
    assert (found.label, found.reason) == ("cell in doubt", "printed twice")
    assert found.interval is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"profile": "lite"},
        {"profile": "smoke"},
        {"tier": "sample"},
        {"tier": "regenerated"},
        {"metric": "one-minus-auroc"},
        {"values": [24.3, None, 24.5]},
        {"values": []},
        {"published": cell(metric="total-hours"), "metric": "total-hours"},
    ],
)
def test_none_is_given_for_runs_that_are_not_the_papers(changes: dict[str, Any]) -> None:
    words: dict[str, Any] = {
        "published": cell(),
        "values": [24.3, 24.4, 24.5],
        "metric": "zero-one-error",
        "profile": "paper",
        "tier": "published",
    }
    assert verdict(**words) is not None
    assert verdict(**{**words, **changes}) is None


def test_no_deviation_printed_tells_nothing() -> None:
    for changes in ({"std": None}, {"n_runs": None}, {"n_runs": 1}):
        found = given(cell(**changes), [24.3, 24.4, 24.5])
        assert (found.label, found.interval, found.power) == ("cannot tell", None, None)


def test_deviations_of_zero_are_no_division_by_zero() -> None:
    same = judge(measured([2.0, 2.0]), measured([2.0, 2.0]), 0.5)
    assert (same.label, same.power) == ("agrees", 1.0)
    assert same.interval == pytest.approx((0.0, 0.0))
    assert judge(measured([2.0, 2.0]), measured([3.0, 3.0]), 0.5).label == "worse"


def frequencies(difference: float, margin: float, n: int = 3, rounds: int = 4000) -> dict[str, Any]:
    """How often each label comes up between two sets of n normal values, deviation 1."""
    draw = np.random.default_rng(5)
    left = draw.normal(0, 1, (rounds, n)).tolist()
    right = draw.normal(difference, 1, (rounds, n)).tolist()
    labels = [
        judge(measured(a), measured(b), margin).label for a, b in zip(left, right, strict=True)
    ]
    return {label: labels.count(label) / rounds for label in set(labels)}


def test_each_label_is_wrong_in_at_most_five_of_a_hundred() -> None:
    """By simulation; 0.062 is 0.05 and four standard errors less Welch's own conservatism."""
    at_the_margin = frequencies(difference=3.0, margin=3.0)
    assert 0.01 < at_the_margin["agrees"] < 0.062
    no_difference = frequencies(difference=0.0, margin=1e-9)
    assert "agrees" not in no_difference
    assert 0.02 < no_difference["better"] < 0.062
    assert 0.02 < no_difference["worse"] < 0.062


@pytest.mark.parametrize("n", [3, 6])
def test_power_is_what_a_simulation_finds(n: int) -> None:
    one = Sample(0.0, 1.0, n)
    power, _ = power_to_agree(one, one, 3.0)
    assert frequencies(0.0, 3.0, n)["agrees"] == pytest.approx(power, abs=0.06)


def test_seeds_are_the_fewest_that_give_the_power() -> None:
    reference, own = Sample(0.0, 1.0, 50), Sample(0.0, 1.0, 3)
    _, seeds = power_to_agree(reference, own, 1.0)
    assert seeds is not None
    assert power_to_agree(reference, Sample(0.0, 1.0, seeds), 1.0)[0] >= POWER
    assert power_to_agree(reference, Sample(0.0, 1.0, seeds - 1), 1.0)[0] < POWER
    # Beside three seeds of wide spread none suffices; were both sides to grow, some would.
    three = Sample(0.0, 1.0, 3)
    assert power_to_agree(three, three, 1.0)[1] is None
    both = power_to_agree(three, three, 1.0, both=True)[1]
    assert both is not None
    assert 3 < both < MOST_SEEDS


def test_cannot_tell_says_how_many_seeds_would() -> None:
    wide = judge(Sample(10.0, 0.5, 50), measured([9.2, 10.0, 10.9]), 1.0)
    assert wide.label == "cannot tell"
    assert wide.reason == f"too few seeds: {wide.seeds} would tell"
    assert given(cell(std="2.87"), [22.0, 24.0, 26.0]).reason == ("not even 100 seeds would tell")


def test_summary_says_whether_more_seeds_would_tell() -> None:
    agrees = judge(Sample(10.0, 0.01, 3), measured([10.0, 10.01, 10.02]), 1.0)
    worse = judge(Sample(10.0, 0.01, 3), measured([20.0, 20.01, 20.02]), 1.0)
    some = judge(Sample(10.0, 0.5, 50), measured([9.2, 10.0, 10.9]), 1.0)
    none = judge(Sample(10.0, 2.0, 3), measured([9.2, 10.0, 10.9]), 1.0)
    erratum = judge(Sample(10.0, 2.0, 3), measured([9.2, 10.0, 10.9]), 1.0, erratum="swapped")
    assert summary([agrees, worse, some, none, none, erratum]) == (
        "1 of 6 cells agree; 1 worse; 3 cannot tell (more seeds would help for 1: at most "
        f"{some.seeds} seeds); 1 in doubt"
    )
    assert summary([none]) == "0 of 1 cells agree; 1 cannot tell (more seeds would help for 0)"
    assert summary([agrees]) == "1 of 1 cells agree"


def test_every_scored_metric_of_the_papers_has_a_margin() -> None:
    from kit import papers, task

    printed_metrics = {cell.metric for cell in papers.published("dash", 5)}
    assert printed_metrics <= set(MARGINS)
    known = {task.find(name).metrics[0] for name in task.names() if papers.has_task(name)}
    assert known <= set(MARGINS)


@pytest.mark.parametrize(("paper", "number"), [("dash", 5), ("nas-bench-360", 6)])
def test_what_three_seeds_can_tell_is_as_documented(paper: str, number: int) -> None:
    from kit import papers

    powers = [
        power_to_agree(printed(cell), Sample(0.0, float(cell.std), 3), MARGINS[cell.metric])[0]
        for cell in papers.published(paper, number)
        if cell.std is not None
    ]
    told = f"{sum(power >= POWER for power in powers)} of the {len(powers)}"
    assert told in (paths.project() / "docs" / "verdict.md").read_text()
