"""DenseNAS's random search: what is drawn and accepted, what is compared, how long it goes on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kit import method, task
from kit.engines.execute import ExecuteOptions, execute
from kit.errors import KitError
from kit.method import architectures
from kit.methods.densenas_random.draw import draw
from kit.methods.densenas_random.info import DenseNasRandomSettings, RandomTrials
from kit.runs.folder import RunFolder, read_result
from kit.runs.records import Result
from kit.spaces.densenas import Block, Graph, SupernetTable, supernet_table
from kit.spec import Protocol, RunSpec
from tests.spaces.densenas.test_table import TASKS
from tests.specs import smoke_spec

INFO = method.find("densenas-random")
GRAPH = SupernetTable(((4,), (4, 6), (8,)), (1, 1, 1), (0, 1, 2)).graph


def settings(of: str, protocol: Protocol = "released") -> DenseNasRandomSettings:
    found = INFO.settings(task.find(of), protocol, "paper", "published")
    assert isinstance(found, DenseNasRandomSettings)
    return found


def spec(*overrides: str, protocol: Protocol = "clean") -> RunSpec:
    return smoke_spec("densenas-random", *overrides, protocol=protocol)


def run(of: RunSpec) -> Result:
    for each in INFO.inputs(of).values():
        execute(each, ExecuteOptions(device="cpu", threads=1))
    result = execute(of, ExecuteOptions(device="cpu", threads=1))
    assert result is not None
    return result


def options(**changes: Any) -> RandomTrials:
    return msgspec.structs.replace(settings("cifar-100").trials, **changes)


def layers(blocks: Sequence[Block]) -> int:
    return sum(1 + block.stack for block in blocks)


@pytest.mark.parametrize("of", sorted(TASKS))
def test_the_search_is_the_released_one(of: str) -> None:
    released, clean = settings(of).trials, settings(of, "clean").trials
    dense, one = task.find(of).kind == "dense", task.find(of).dims == 1
    assert released.trials == (7 if of == "psicov" else 60 if one else 30)
    assert (released.budget, clean.budget) == ("trials", "hours")
    assert (released.path, clean.path) == ("near-uniform", "uniform")
    assert (released.bound, clean.bound) == ("none" if dense else "searched", "searched")
    assert (released.strict, clean.strict) == (one, False)
    assert (released.epochs, released.slack) == (10, 1e6)
    assert (released.cosine_epochs, clean.cosine_epochs) == (240, None)
    by_loss = of in ("fsd50k", "psicov", "cosmic")
    assert (released.by, clean.by) == ("loss" if by_loss else "metric", "metric")
    sizes = {"ecg": 256, "deepsea": 256}
    assert (released.batch_size or settings(of).batch_size) == sizes.get(
        of, settings(of).batch_size
    )
    views = [settings(of, by).data.view("tune_val") for by in ("released", "clean")]
    assert views == ["plain" if of == "psicov" else "evaluation", "evaluation"]
    own = of in ("cifar-100", "spherical", "fsd50k", "ecg", "satellite", "deepsea")
    assert settings(of).table == supernet_table(f"{of}-random" if own else of)


@pytest.mark.parametrize(
    ("name", "channels", "networks"),
    [
        ("cifar-100-random", [64, 112, 176, 224], 6),
        ("fsd50k-random", [64, 112, 176, 224], 18),
        ("ecg-random", [64, 112], 6),
        ("darcy-flow", [64, 112], 12),
        ("cosmic", [32, 56], 12),
    ],
)
def test_as_released_the_path_is_always_the_same(
    name: str, channels: list[int], networks: int
) -> None:
    """And so there are few distinct networks, as docs/spaces.md has it."""
    graph = supernet_table(name).graph
    drawn = [draw(graph, options(), 0, n, layers, math.inf) for n in range(40)]
    assert {tuple(block.outputs for block in blocks) for blocks in drawn} == {tuple(channels)}
    path = [0, *(graph.channels.index(width) for width in channels)]
    assert math.prod(graph.layers[node] + 1 for node in path) == networks
    assert 1 < len({tuple(blocks) for blocks in drawn}) <= networks


def test_a_path_drawn_uniformly_is_any_path() -> None:
    uniform = options(path="uniform")
    drawn = [draw(GRAPH, uniform, 0, n, layers, math.inf) for n in range(600)]
    found = Counter(tuple(block.outputs for block in blocks) for blocks in drawn)
    assert sorted(found) == [(4, 6, 8), (4, 8), (6, 8)]
    assert all(count == pytest.approx(200, abs=45) for count in found.values())
    # Each layer is there or not by a coin.
    stacks = Counter(blocks[-1].stack for blocks in drawn)
    assert [stacks[n] / 600 for n in range(3)] == pytest.approx([0.25, 0.5, 0.25], abs=0.07)


def test_what_is_drawn_depends_on_the_seed_and_the_number_alone() -> None:
    graph = supernet_table("darcy-flow").graph
    first = [draw(graph, options(), 0, n, layers, math.inf) for n in range(8)]
    assert [draw(graph, options(), 0, n, layers, math.inf) for n in (5, 2)] == [first[5], first[2]]
    assert [draw(graph, options(), 1, n, layers, math.inf) for n in range(8)] != first


def sized(graph: Graph, bound: float, **changes: Any) -> set[int]:
    drawn = (draw(graph, options(**changes), 0, n, layers, bound) for n in range(60))
    return {layers(blocks) for blocks in drawn}


def test_larger_networks_are_drawn_again() -> None:
    graph = supernet_table("darcy-flow").graph
    assert sized(graph, math.inf) >= {3, 4, 5, 6}
    assert max(sized(graph, 4)) == 4
    assert max(sized(graph, 4, strict=True)) == 3


def test_a_bound_that_nothing_meets_is_told_at_once() -> None:
    graph = supernet_table("darcy-flow").graph
    with pytest.raises(KitError) as caught:
        draw(graph, options(attempts=20), 0, 3, layers, 1)
    assert str(caught.value) == (
        "trial 3: none of 20 networks that were drawn has at most 1 parameters, the smallest has "
        "4; raise trials.slack or trials.attempts, or -o trials.bound=none"
    )


def test_a_given_bound_that_nothing_meets_is_what_to_raise() -> None:
    graph = supernet_table("darcy-flow").graph
    with pytest.raises(KitError, match=r"raise trials\.bound or"):
        draw(graph, options(attempts=20, bound=1), 0, 3, layers, 1)


def test_it_reads_the_run_whose_network_bounds_it() -> None:
    (searched,) = INFO.inputs(spec()).values()
    assert (searched.method, searched.seed, searched.profile) == ("densenas", 0, "smoke")
    assert INFO.inputs(spec(protocol="released")) == {}
    given = architectures.override(INFO, "released", "darcy-flow", 0)
    assert INFO.inputs(spec(given)) == {}


def test_the_best_of_the_trials_is_trained_on(darcy: Path) -> None:
    of = spec("trials.trials=3", "trials.slack=5e3")
    result = run(of)
    found = RunFolder(of).output("search")
    assert found is not None
    assert result.architecture is not None
    scores = [trial["score"] for trial in found["trials"]]
    best = found["trials"][scores.index(min(scores))]
    assert result.parameters == best["parameters"]
    (searched,) = INFO.inputs(of).values()
    bound = read_result(RunFolder(searched).result).parameters
    assert bound is not None
    assert all(trial["parameters"] <= bound + 5e3 for trial in found["trials"])
    # Their rates fall faster on a cosine of their own.
    assert scores_of(spec("trials.trials=3", "trials.slack=5e3", "trials.cosine_epochs=240")) != (
        scores
    )
    # The loss of Darcy Flow is its metric, computed another way.
    by_loss = scores_of(spec("trials.trials=3", "trials.slack=5e3", "trials.by=loss"))
    assert by_loss == pytest.approx(scores, rel=1e-5)


def scores_of(of: RunSpec) -> list[float]:
    run(of)
    output = RunFolder(of).output("search")
    assert output is not None
    return [trial["score"] for trial in output["trials"]]


def test_trials_go_on_in_rounds_for_as_long_as_the_search_took(
    darcy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = spec("trials.budget=hours", "trials.trials=1")
    module = "kit.methods.densenas_random.method.DenseNasRandom._budget"
    monkeypatch.setattr(module, lambda *_: 0.01)
    run(of)
    short = RunFolder(of).output("search")
    monkeypatch.setattr(module, lambda self, context: 3 * _longest(of))
    long = spec("trials.budget=hours", "trials.trials=1", "trials.slack=2e6")
    run(long)
    more = RunFolder(long).output("search")
    assert short is not None
    assert more is not None
    assert len(short["trials"]) == 1
    assert len(more["trials"]) > 1


def _longest(of: RunSpec) -> float:
    output = RunFolder(of).output("search")
    assert output is not None
    return float(output["cost"]["active_seconds"])
