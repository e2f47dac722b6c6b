"""A column of the papers' tables: all methods on a task, measured beside printed, and their orders.

Seconds of searching and of training stand beside each error, since of two methods the one that was
given more time is not simply the better one.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from kit import method, papers
from kit.data.prepared import OTHER_DATA
from kit.papers import PublishedCell
from kit.report.cells import Measured
from kit.report.choice import choose, main_kind, measure, outdated, score
from kit.report.kinds import ANY, WantedKind
from kit.report.statistics import correlation_interval
from kit.runs.records import Result
from kit.spec import Kind
from kit.task import Task

# Where a method's printed error is from: the first that has it.
SOURCES = (("nas-bench-360", 6), ("nas-bench-360", 4), ("dash", 5), ("dash", 7))
# What stages are for; all others train.
STAGES = {"search": "search", "cells": "search", "tune": "tune"}


@dataclass(frozen=True)
class ColumnRow:
    """A method.

    Attributes:
        printed: the paper's cell; None of a method that no paper has.
        seconds: mean over seeds of the wall clock at work: search, tune, train; None where the
            method has no such stage.
        ranks: (measured, printed) among the methods that have both, 1 the lowest error; None else.
    """

    method: str
    title: str
    measured: Measured
    printed: PublishedCell | None
    seconds: tuple[float | None, float | None, float | None]
    ranks: tuple[float, float] | None = None


@dataclass(frozen=True)
class Agreement:
    """Spearman's coefficient of two orders of the same methods.

    Attributes:
        rho: None where it is not defined: below two methods, or all alike.
        interval: 95 %; None below four methods.
        p: of the two-sided permutation test, exact up to eight methods.
    """

    count: int
    rho: float | None
    interval: tuple[float, float] | None
    p: float | None


@dataclass(frozen=True)
class Column:
    """A task's column; rows by their measured error, the lowest first.

    Attributes:
        remarks: what was left out, and which rows' seeds were not made alike.
    """

    task: str
    title: str
    metric: str
    kind: Kind | None
    rows: tuple[ColumnRow, ...]
    agreement: Agreement
    remarks: tuple[str, ...] = ()


def make(task: Task, results: Iterable[Result], wanted: WantedKind = ANY) -> Column:
    """Return the column of a task from the results that there are; nothing is run.

    Its rows are runs of one kind: the one that was asked for, else the one that most methods have.
    """
    metric = task.metrics[0]
    mine = [result for result in results if result.spec.task == task.name]
    kind = main_kind(mine, wanted)
    chosen, remarks = choose(mine, WantedKind(*kind) if kind else wanted)
    remarks += [f"{name}: {OTHER_DATA}" for _, name in outdated(chosen.values())]
    printed = {cell.method: cell for cell in _printed(task.name, metric)}
    rows = []
    for (_, name), runs in chosen.items():
        measured = measure(runs, metric, score)
        if measured is None:
            remarks.append(f"left out {name}: not scored on {metric}")
        elif measured.mean is None:
            remarks.append(f"left out {name}: {measured}")
        else:
            if measured.unlike:
                remarks.append(f"{name}: {measured.unlike}")
            title = method.find(name).title.partition(":")[0]
            seconds = _seconds(list(runs.by_seed.values()))
            rows.append(ColumnRow(name, title, measured, printed.get(name), seconds))
    ranked, alike = _ranked(sorted(rows, key=lambda row: row.measured.mean or 0.0))
    return Column(task.name, task.title, metric, kind, tuple(ranked), alike, tuple(remarks))


def _ranked(rows: Sequence[ColumnRow]) -> tuple[list[ColumnRow], Agreement]:
    """Return rows with their ranks, and how alike the measured and the printed order are."""
    from scipy.stats import rankdata

    both = [row for row in rows if row.printed is not None]
    ours = [row.measured.mean or 0.0 for row in both]
    theirs = [float(row.printed.mean) for row in both if row.printed is not None]
    pairs = zip(rankdata(ours).tolist(), rankdata(theirs).tolist(), strict=True)
    ranks = dict(zip((row.method for row in both), pairs, strict=True))
    ranked = [replace(row, ranks=ranks.get(row.method)) for row in rows]
    return ranked, agreement(ours, theirs)


def agreement(ours: Sequence[float], theirs: Sequence[float]) -> Agreement:
    """Return how alike two orders are: Spearman's coefficient, its interval and its test."""
    count = len(ours)
    if count < 2 or len(set(ours)) < 2 or len(set(theirs)) < 2:
        return Agreement(count, None, None, None)
    import numpy as np
    from scipy.stats import permutation_test, rankdata, spearmanr, zscore

    # Spearman's coefficient is Pearson's of the ranks: a mean of products once they are scaled.
    left, right = (zscore(rankdata(each)) for each in (ours, theirs))
    rho = float(spearmanr(ours, theirs).statistic)
    found = permutation_test(
        (left,),
        lambda permuted, axis: (permuted * right).mean(axis),
        permutation_type="pairings",
        vectorized=True,
        n_resamples=50_000,
        rng=np.random.default_rng(0),
    )
    interval = correlation_interval(rho, count, of_ranks=True)
    return Agreement(count, rho, interval, float(found.pvalue))


def _printed(task: str, metric: str) -> Iterator[PublishedCell]:
    """Yield the printed errors of a task, each method once, of the first source that has it."""
    seen = set()
    for paper, number in SOURCES:
        for cell in papers.published(paper, number):
            if (cell.task, cell.metric) == (task, metric) and cell.value is not None:
                if cell.method not in seen:
                    yield cell
                seen.add(cell.method)


def _seconds(results: Sequence[Result]) -> tuple[float | None, float | None, float | None]:
    found: dict[str, list[float]] = {"search": [], "tune": [], "train": []}
    for result in results:
        spent: dict[str, float] = {}
        for name, stage in result.stages.items():
            what = STAGES.get(name, "train")
            spent[what] = spent.get(what, 0.0) + stage.active_seconds
        for what, seconds in spent.items():
            found[what].append(seconds)
    search, tune, train = (statistics.fmean(each) if each else None for each in found.values())
    return search, tune, train
