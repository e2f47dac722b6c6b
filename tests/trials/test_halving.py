"""Decisions against the paper's algorithm, Optuna's pruner, and a table made by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.trials import workers
from kit.trials.halving import Bracket, Halving, TrialJob

# The validation error of 32 random configurations of WRN on a few samples of Darcy Flow, after each
# of 16 epochs.
CURVES: list[list[float]] = json.loads((Path(__file__).parent / "curves.json").read_text())
RUNGS = (1, 4, 16)


@pytest.mark.parametrize(
    ("trials", "rungs"),
    [
        (3, [200]),
        (4, [50, 200]),
        (16, [12, 50, 200]),
        (56, [12, 50, 200]),
        (63, [12, 50, 200]),
        (64, [3, 12, 50, 200]),
        (104, [3, 12, 50, 200]),
        (256, [3, 12, 50, 200]),
    ],
)
def test_rungs_of_200_epochs(trials: int, rungs: list[int]) -> None:
    (bracket,) = Halving(trials=trials).brackets(200)
    assert (bracket.rungs, bracket.trials, bracket.workers) == (rungs, range(trials), 4)


def test_few_epochs_or_a_limit_make_fewer_rungs() -> None:
    assert Halving(trials=256).brackets(20)[0].rungs == [1, 5, 20]
    assert Halving(trials=256).brackets(1)[0].rungs == [1]
    assert Halving(trials=256, max_rungs=2).brackets(200)[0].rungs == [50, 200]


def test_brackets_of_the_standard_mode() -> None:
    """16 trials as 16/3 to 2: 11 and 4, and the one left over to the first."""
    brackets = Halving(trials=16, mode="standard").brackets(200)
    assert [b.rungs for b in brackets] == [[12, 50, 200], [50, 200]]
    assert [b.trials for b in brackets] == [range(12), range(12, 16)]
    assert [b.workers for b in brackets] == [2, 2]
    three = Halving(trials=128, mode="standard").brackets(200)
    assert [(len(b.trials), b.workers) for b in three] == [(89, 2), (29, 1), (10, 1)]


@pytest.mark.parametrize("trials", [1, 4, 5, 17, 63, 256])
@pytest.mark.parametrize("divisor", [2, 3, 4])
def test_each_trial_is_in_one_bracket(trials: int, divisor: int) -> None:
    brackets = Halving(trials=trials, divisor=divisor, mode="standard").brackets(200)
    assert [trial for b in brackets for trial in b.trials] == list(range(trials))
    assert all(b.rungs[-1] == 200 for b in brackets)


def test_expected_epochs() -> None:
    (bracket,) = Halving(trials=28).brackets(200)
    assert bracket.expected_epochs() == 28 * 12 + 7 * 38 + 1 * 150


def order(brackets: Sequence[Bracket], curves: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Return (trial, epochs) of all jobs in the order in which they end."""
    done: list[tuple[int, int]] = []

    def start(job: TrialJob) -> Callable[[], float]:
        def end() -> float:
            done.append((job.trial, job.epochs))
            return curves[job.trial][job.epochs - 1]

        return end

    workers.run(brackets, start)
    return done


def test_by_hand() -> None:
    """One worker, the better half trains on.

    | ends     | its rung then, best first | so next       |
    | -------- | ------------------------- | ------------- |
    | 0 at 1   | 0                         | 1 begins      |
    | 1 at 1   | 1, 0                      | 1 goes on     |
    | 1 at 2   | 1                         | 2 begins      |
    | 2 at 1   | 1, 0, 2                   | 3 begins      |
    | 3 at 1   | 1, 0, 3, 2                | 0 goes on, at last |
    | 0 at 2   | 0, 1                      | 0 goes on     |
    | 0 at 4   | (the end)                 | 4 begins      |
    | 4 at 1   | 4, 1, 0, 3, 2             | 4 goes on     |
    | 4 at 2   | 0, 1, 4                   | 5 begins      |
    | 5 at 1   | 4, 1, 0, 5, 3, 2 (of equals the earlier is better) | none is left |
    """
    curves = [
        [0.5, 0.2, 0, 0.1],
        [0.3, 0.3, 0, 0.0],
        [0.9, 0.0, 0, 0.0],
        [0.7, 0.0, 0, 0.0],
        [0.1, 0.4, 0, 0.0],
        [0.5, 0.0, 0, 0.0],
    ]
    expected = [(0, 1), (1, 1), (1, 2), (2, 1), (3, 1), (0, 2), (0, 4), (4, 1), (4, 2), (5, 1)]
    assert order([Bracket([1, 2, 4], range(6), 2, 1)], curves) == expected


def test_whatever_is_no_number_is_last() -> None:
    bracket = Bracket([1, 2], range(4), 4, 4)
    jobs = bracket.start()
    for job, score in zip(jobs, (math.nan, None, math.inf), strict=False):
        assert bracket.report(job, score) is None
    assert bracket.report(jobs[3], 3.0) == TrialJob(3, 1, 1, 2)


def by_the_paper(
    rungs: Sequence[int], trials: int, divisor: int, count: int, curves: Sequence[Sequence[float]]
) -> list[tuple[int, int]]:
    """Algorithm 2 of Li et al.: a free worker looks for a promotable trial from the top rung down.

    Workers that find nothing look again whenever another one has ended.
    """
    results: list[dict[int, float]] = [{} for _ in rungs]
    promoted: list[list[int]] = [[] for _ in rungs]
    begun = 0

    def get_job() -> tuple[int, int] | None:
        nonlocal begun
        for rung in reversed(range(len(rungs) - 1)):
            best = sorted(results[rung], key=lambda trial: results[rung][trial])
            for trial in best[: len(best) // divisor]:
                if trial not in promoted[rung]:
                    promoted[rung].append(trial)
                    return trial, rung + 1
        begun += 1
        return (begun - 1, 0) if begun <= trials else None

    busy: list[tuple[int, int, tuple[int, int]]] = []
    done: list[tuple[int, int]] = []
    clock = jobs = 0
    while True:
        while len(busy) < count and (job := get_job()) is not None:
            trial, rung = job
            behind = rungs[rung - 1] if rung else 0
            busy.append((clock + rungs[rung] - behind, jobs, job))
            jobs += 1
        if not busy:
            return done
        clock, _, (trial, rung) = first = min(busy)
        busy.remove(first)
        value = curves[trial][rungs[rung] - 1]
        results[rung][trial] = math.inf if math.isnan(value) else value
        done.append((trial, rungs[rung]))


@pytest.mark.parametrize("count", [1, 2, 4, 7])
def test_recorded_curves_as_by_the_paper(count: int) -> None:
    brackets = [Bracket(RUNGS, range(len(CURVES)), 4, count)]
    found = order(brackets, CURVES)
    assert found == by_the_paper(RUNGS, len(CURVES), 4, count, CURVES)
    assert sum(epochs == 4 for _, epochs in found) >= 8


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_curves_as_by_the_paper(data: st.DataObject) -> None:
    score = st.one_of(st.integers(0, 5).map(float), st.just(math.nan))
    curves = data.draw(st.lists(st.lists(score, min_size=8, max_size=8), min_size=1, max_size=20))
    rungs = data.draw(st.sampled_from([(1, 2, 4, 8), (2, 8), (3, 5), (8,)]))
    divisor, count = data.draw(st.integers(2, 4)), data.draw(st.integers(1, 5))
    found = order([Bracket(rungs, range(len(curves)), divisor, count)], curves)
    assert found == by_the_paper(rungs, len(curves), divisor, count, curves)


def test_who_goes_on_at_once_by_optuna() -> None:
    """Optuna's pruner ends whoever does not go on at once, and lets the best of the first few go
    on unless told to wait for as many as the divisor; nobody is promoted later.

    Told to wait, it must agree on everyone who reports at a rung.
    """
    pruner = optuna.pruners.SuccessiveHalvingPruner(
        min_resource=1, reduction_factor=4, bootstrap_count=3
    )
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study: Any = optuna.create_study(direction="minimize", pruner=pruner)
    trials = [study.ask() for _ in CURVES]
    bracket = Bracket(RUNGS, range(len(CURVES)), 4, 1)
    (job,) = bracket.start()
    at_once, later = set(), set()
    following: TrialJob | None = job
    while following is not None:
        job, score = following, CURVES[following.trial][following.epochs - 1]
        following = bracket.report(job, score)
        goes_on = following is not None and following.trial == job.trial
        if job.epochs < RUNGS[-1]:
            trials[job.trial].report(score, job.epochs)
            assert trials[job.trial].should_prune() == (not goes_on)
        if goes_on:
            at_once.add((job.trial, job.rung))
        elif following is not None and following.rung > 0:
            later.add((following.trial, following.rung - 1))
    assert len(at_once) > 3
    assert later
