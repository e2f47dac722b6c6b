from __future__ import annotations

import pytest

from kit import papers
from kit.errors import KitError
from kit.report import means, table
from kit.report.figures import profiles
from kit.report.means import Means
from tests.made_runs import make_run

ALL = [(paper, name) for paper in papers.papers() for name in profiles.names(paper)]


def printed(paper: str, name: str) -> profiles.Profiles:
    number = profiles.definition(paper, name).table
    return profiles.make(paper, name, means.published(table.make(paper, number, [])))


def of(errors: dict[str, dict[str, float]]) -> Means:
    tasks = tuple(dict.fromkeys(task for each in errors.values() for task in each))
    return Means(errors, {}, tasks, "made up")


def test_the_figures_of_the_papers() -> None:
    assert [("dash", "1a"), *(("nas-bench-360", name) for name in "126")] == ALL


@pytest.mark.parametrize(("paper", "name"), ALL)
def test_methods_and_tasks_are_those_of_the_table(paper: str, name: str) -> None:
    plan = profiles.definition(paper, name)
    cells = papers.published(paper, plan.table)
    for panel in plan.panels:
        assert set(panel.tasks) <= {cell.task for cell in cells}
        for curve in panel.curves:
            assert set(curve.methods) <= {cell.method for cell in cells}


@pytest.mark.parametrize(("paper", "name"), ALL)
def test_profiles_of_printed_values_rise_from_factor_1_to_all_tasks(paper: str, name: str) -> None:
    figure = printed(paper, name)
    for panel in figure.panels:
        bests = [profile.steps[0][1] for profile in panel.profiles]
        assert sum(bests) >= 1 - 1e-9  # some curve is the lowest on each task
        for profile in panel.profiles:
            factors, shares = zip(*profile.steps, strict=True)
            assert factors[0] == 1.0
            assert list(factors) == sorted(set(factors))
            assert list(shares) == sorted(shares)
            assert shares[-1] == 1.0


def test_figure_1_of_nas_bench_360_says_what_its_caption_says() -> None:
    """WRN never below DenseNAS beyond their common start; GAEA above tuned WRN at the start."""
    constrained, less = printed("nas-bench-360", "1").panels

    def share(profile: profiles.Profile, factor: float) -> float:
        return max(each for tau, each in profile.steps if tau <= factor)

    dense, wrn = constrained.profiles
    assert share(dense, 1.0) == share(wrn, 1.0) == 0.6  # PSICOV and DeepSEA are ties
    assert all(share(wrn, tau) > share(dense, tau) for tau in (1.2, 1.3, 1.4, 1.5))
    gaea, tuned = less.profiles
    assert (share(gaea, 1.0), share(tuned, 1.0)) == (0.7, 0.3)
    assert gaea.ratios["ninapro"] == pytest.approx(17.67 / 7.34)


def test_best_of_several_methods_is_taken_task_by_task() -> None:
    (panel,) = printed("dash", "1a").panels
    ratios = {profile.title: profile.ratios for profile in panel.profiles}
    assert ratios["Best-Automated"]["psicov"] == 1.0  # DARTS-GAEA's 2.94
    assert ratios["Best-Automated"]["satellite"] == pytest.approx(12.51 / 12.28)
    assert ratios["DASH"]["cifar-100"] == pytest.approx(24.37 / 19.39)


def test_tasks_without_a_rival_are_left_out_and_named() -> None:
    errors = {"densenas": {"a": 1.0, "b": 2.0}, "wrn": {"b": 1.0}}
    both = {"darts-gaea": {"b": 1.0}, "wrn-asha": {"b": 3.0}}
    figure = profiles.make("nas-bench-360", "1", of({**errors, **both}))
    assert figure.panels[0].profiles[0].ratios == {"b": 2.0}
    assert "Resource-constrained: 1 of 2 tasks, without a" in figure.remarks
    with pytest.raises(KitError, match="no WRN"):
        profiles.make("nas-bench-360", "1", of({"densenas": {"a": 1.0}}))


def test_an_error_of_zero_is_the_lowest_and_leaves_others_without_a_factor() -> None:
    errors = {"densenas": {"a": 0.0}, "wrn": {"a": 0.5}, "darts-gaea": {"a": 0.0}}
    figure = profiles.make("nas-bench-360", "1", of({**errors, "wrn-asha": {"a": 0.0}}))
    first, second = figure.panels[0].profiles
    assert (first.steps, second.steps) == ([(1.0, 1.0)], [(1.0, 0.0)])
    assert [profile.steps for profile in figure.panels[1].profiles] == [[(1.0, 1.0)]] * 2
    assert "∞" in profiles.text(figure)


def test_an_unknown_figure_is_told() -> None:
    with pytest.raises(KitError, match=r"unknown figure of nas-bench-360 '7'"):
        profiles.definition("nas-bench-360", "7")


def test_measured_means_are_of_one_kind_per_task() -> None:
    results = [make_run(method_name="wrn", seed=seed, value=0.25) for seed in range(3)]
    results += [make_run(seed=seed, value=0.1, profile="smoke") for seed in range(3)]
    results += [make_run("ecg", "tcn", seed, 0.5) for seed in (0, 1)]
    results += [make_run(method_name="wrn", task_name="ecg", value=None)]
    found = means.measured(table.make("dash", 5, results))
    # One cell of either kind on Darcy Flow: the first of the table stays.
    assert found.errors == {"wrn": {"darcy-flow": 0.25}, "tcn": {"ecg": 0.5}}
    assert found.remarks == (
        "left out wrn on ecg: NaN (1/1)",
        "left out dash on darcy-flow: smoke, released, regenerated data, "
        "the others lite, released, regenerated data",
    )
    assert found.source.startswith("measured: lite, released, ")
    assert len(found.tasks) == 10
