from __future__ import annotations

import tracemalloc
from itertools import product

import numpy as np
import pytest
from scipy import stats

from kit import papers
from kit.report import statistics
from kit.report.statistics import mean_interval, mean_ranks, paired, ranks


def test_bootstrap_of_three_seeds_is_that_of_all_resamples() -> None:
    values = [1.0, 2.0, 4.0]
    means = sorted(sum(drawn) / 3 for drawn in product(values, repeat=3))
    found = mean_interval(values, level=0.8)
    assert found == pytest.approx((means[2], means[-3]))  # 2.7 of 27 on either side
    assert mean_interval(values) == mean_interval(values)
    assert mean_interval([1.0]) is None
    assert mean_interval([2.0, 2.0, 2.0]) == (2.0, 2.0)


def test_bootstrap_covers_what_it_says_with_many_seeds_only() -> None:
    draw = np.random.default_rng(3)

    def coverage(n: int) -> float:
        found = [mean_interval(draw.normal(0, 1, n).tolist()) for _ in range(150)]
        return sum(low <= 0 <= high for low, high in filter(None, found)) / len(found)

    assert coverage(3) < 0.85
    assert coverage(40) > 0.88


def test_ranks_average_ties_and_come_out_as_in_table_3_of_nas_bench_360() -> None:
    errors = np.array([[1.0, 5.0], [1.0, 4.0], [3.0, 6.0]])
    assert ranks(errors).tolist() == [[1.5, 2.0], [1.5, 1.0], [3.0, 3.0]]
    found = mean_ranks(errors)
    assert [(each.mean, each.median) for each in found] == [(1.75, 1.75), (1.25, 1.25), (3.0, 3.0)]
    assert found[2].interval == (3.0, 3.0)
    low, high = found[0].interval or (0.0, 0.0)
    assert 1.5 <= low < high <= 2.0


def test_an_interval_over_many_seeds_takes_little_memory() -> None:
    values = np.random.default_rng(0).random(3000)
    tracemalloc.start()
    low, high = mean_interval(values.tolist()) or (0.0, 0.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6  # all resamples at once: 480 MB
    spread = 1.96 * values.std() / 3000**0.5
    assert (values.mean() - low, high - values.mean()) == pytest.approx((spread, spread), rel=0.1)


def test_resamples_in_parts_are_those_of_one_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).random(20).tolist()
    whole = mean_interval(values)
    monkeypatch.setattr(statistics, "AT_A_TIME", 20 * 64)
    assert mean_interval(values) == whole


def test_paired_comparison_is_scipys_on_the_papers_cells() -> None:
    cells = {(cell.method, cell.task): float(cell.mean) for cell in papers.published("dash", 5)}
    tasks = [task for method, task in cells if method == "dash"]
    first, second = ([cells[name, task] for task in tasks] for name in ("wrn", "dash"))
    found = paired(first, second)
    assert (found.tasks, found.wins, found.ties, found.losses) == (10, 9, 0, 1)
    ratios = np.log(np.array(second) / np.array(first))
    assert found.wilcoxon == pytest.approx(stats.wilcoxon(ratios).pvalue)
    assert found.sign == pytest.approx(2 * 11 / 2**10)
    assert found.change == pytest.approx(np.median(np.array(second) / np.array(first) - 1))
    assert found.interval is not None
    assert found.interval[0] < found.change < found.interval[1] < 0


def test_swapping_the_methods_changes_no_p() -> None:
    first, second = [1.0, 20.0, 300.0, 4.0, 5.0], [2.0, 10.0, 290.0, 8.0, 5.5]
    one, other = paired(first, second), paired(second, first)
    assert (one.wins, one.losses) == (other.losses, other.wins)
    assert one.wilcoxon == pytest.approx(other.wilcoxon)


def test_ties_and_single_tasks_have_no_test() -> None:
    same = paired([1.0, 0.0], [1.0, 0.0])
    assert (same.ties, same.change, same.wilcoxon, same.sign) == (2, 0.0, None, None)
    one = paired([1.0], [2.0])
    assert (one.losses, one.wilcoxon, one.interval) == (1, None, None)
