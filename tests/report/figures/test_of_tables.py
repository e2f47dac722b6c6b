from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kit.errors import KitError
from kit.report import means, table
from kit.report.figures import ranks, runtimes
from kit.report.means import Means
from tests.made_runs import make_run


def test_runtimes_of_dash_are_its_stages() -> None:
    figure = runtimes.make(table.make("dash", 6, []))
    assert figure.stacked
    (panel,) = figure.panels
    assert [series.title for series in panel.series] == [
        "Search",
        "Hyperparameter Tuning",
        "Retraining",
    ]
    hours = {series.title: series.hours for series in panel.series}
    assert sum(each["psicov"] for each in hours.values()) == pytest.approx(15.52)
    assert hours["Retraining"]["fsd50k"] == 27


def test_runtimes_of_nas_bench_360_are_totals_of_methods() -> None:
    results = [make_run(method_name="wrn", seed=seed) for seed in range(3)]
    figure = runtimes.make(table.make("nas-bench-360", 5, results))
    assert not figure.stacked
    printed, measured = figure.panels
    hours = {series.title: series.hours for series in printed.series}
    assert hours["GAEA"]["ecg"] == 140
    assert len(hours["AMBER / Auto-DeepLab"]) == 6
    assert measured.source == "measured: profile lite, regenerated data, CPU"
    (wrn,) = measured.series
    assert wrn.hours == {"darcy-flow": pytest.approx(12.5 / 3600)}
    with pytest.raises(KitError, match="has no hours"):
        runtimes.make(table.make("dash", 5, []))


def test_ranks_of_table_5_are_scipys_and_the_critical_difference_demsars() -> None:
    found = means.published(table.make("dash", 5, []))
    figure = ranks.make("t", found)
    assert len(figure.tasks) == 10
    assert figure.ranks[0].method == "dash"
    assert figure.remarks == ["not ranked, without an error on some task: TCN, Auto-DL, AMBER"]
    errors = np.array([[found.errors[r.method][t] for t in figure.tasks] for r in figure.ranks])
    assert [r.mean for r in figure.ranks] == pytest.approx(
        stats.rankdata(errors, axis=0).mean(axis=1)
    )
    assert figure.friedman == pytest.approx(stats.friedmanchisquare(*errors).pvalue)
    # Demšar 2006, Table 5: 3.031 for eight classifiers at 0.05.
    assert figure.difference == pytest.approx(3.031 * np.sqrt(8 * 9 / 60), rel=1e-3)
    by_name = {rank.method: rank for rank in figure.ranks}
    for first, second, p in figure.nemenyi:
        apart = abs(by_name[first].mean - by_name[second].mean)
        assert (p < 0.05) == (apart > figure.difference)


def test_too_few_methods_have_no_ranks() -> None:
    few = Means({"a": {"x": 1.0}, "b": {"x": 2.0}}, {}, ("x",), "made up")
    with pytest.raises(KitError, match="made up has 2 on all of 1"):
        ranks.make("t", few)
