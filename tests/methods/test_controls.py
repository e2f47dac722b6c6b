"""The controls beside searches: what they draw, and that all else is the searched method's."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product
from typing import Any

import pytest
import torch
from msgspec.structs import asdict
from scipy.stats import chisquare

from kit import method, task
from kit.base.sizes import MetaContext
from kit.engines.execute import ExecuteOptions, execute
from kit.errors import KitError
from kit.methods.amber_random.draw import draw as draw_layers
from kit.methods.darts_random.draw import draw as draw_genotype
from kit.methods.dash.search import build_supernet
from kit.methods.dash.tune import grid
from kit.methods.dash_random.draw import choices, draw
from kit.search import Choices, mixtures
from kit.settings import convert
from kit.spaces.amber import OPERATIONS
from kit.spaces.darts.genotype import CELLS, check
from kit.spaces.names import CANDIDATES
from kit.spec import PROFILES, PROTOCOLS, RunSpec
from tests.specs import smoke_spec

CONTROLS = {
    "dash-random": "dash",
    "dash-uniform": "dash",
    "darts-random": "darts-gaea",
    "amber-random": "amber",
}
# Rarer than this by chance alone, a draw is not even.
RARE = 1e-3
SEEDS = range(400)


def spec(name: str, of: str, *overrides: str, seed: int = 0) -> RunSpec:
    return smoke_spec(name, *overrides, of=of, seed=seed)


def settings(of: RunSpec) -> Any:
    return convert(of.settings, method.find(of.method).settings_type, "")


def drawn(name: str, of: str, *overrides: str, seed: int = 0) -> Choices:
    found = spec(name, of, *overrides, seed=seed)
    return choices(MetaContext(found, task.find(of), settings(found)), settings(found))


@pytest.mark.parametrize(("name", "searched"), CONTROLS.items())
def test_nothing_is_searched_and_all_else_is_as_in_the_search(name: str, searched: str) -> None:
    info, other = method.find(name), method.find(searched)
    assert info.stages == other.stages[1:]
    assert other.stages[0] == "search"
    assert info.architecture is not None
    assert type(info.architecture) is type(other.architecture)
    for each in map(task.find, task.names()):
        assert info.applies(each) == other.applies(each)
        if info.applies(each) is None:
            for protocol, profile in product(PROTOCOLS, PROFILES):
                kind = each, protocol, profile, each.tiers[-1]
                ours, theirs = asdict(info.settings(*kind)), asdict(other.settings(*kind))
                own = {"kernel_size", "dilation"} & set(ours)
                assert {k: v for k, v in ours.items() if k not in own} == {
                    k: v
                    for k, v in theirs.items()
                    if k not in ("search", "controller", "architecture")
                }


@pytest.mark.parametrize("of", ["darcy-flow", "ecg", "cosmic"])
def test_the_grid_of_tuning_is_dashs(of: str) -> None:
    assert grid(settings(spec("dash-random", of))) == grid(settings(spec("dash", of)))


@pytest.mark.parametrize("of", ["darcy-flow", "ecg"])
def test_the_layers_are_those_that_dash_searches(of: str) -> None:
    found = spec("dash", of)
    context = MetaContext(found, task.find(of), settings(found))
    with torch.device("meta"):
        network = build_supernet(context, settings(found), torch.empty(1, *context.input_shape))
    for name in ("dash-random", "dash-uniform"):
        assert list(drawn(name, of)) == list(mixtures(network))


def test_the_seed_decides_on_the_layers_and_nothing_else_does() -> None:
    torch.manual_seed(1)
    once = drawn("dash-random", "darcy-flow", seed=1)
    torch.manual_seed(2)
    assert drawn("dash-random", "darcy-flow", seed=1) == once
    assert drawn("dash-random", "darcy-flow", "retrain.width=3", seed=1) == once
    assert drawn("dash-random", "darcy-flow", seed=2) != once
    # Written down: another version of numpy, or another machine, draws the same.
    pairs = [*product((3, 5, 7, 9), (1, 3, 7, 15))]
    assert draw(pairs, 5, 0) == [(7, 15), (7, 1), (3, 3), (9, 7), (9, 7)]


def test_all_pairs_are_as_likely_in_every_layer() -> None:
    pairs = [*product((3, 5, 7, 9), (1, 3, 7, 15))]
    draws = [draw(pairs, 13, seed) for seed in SEEDS]
    assert even(Counter(pair for layers in draws for pair in layers), len(pairs))
    assert even(Counter(layers[0] for layers in draws), len(pairs))
    # A layer tells nothing of the next one.
    assert even(Counter((layers[0][0], layers[1][0]) for layers in draws), 16)


def even(counts: Counter[Any], cells: int) -> bool:
    assert len(counts) == cells
    return bool(chisquare([*counts.values()]).pvalue > RARE)


def test_one_choice_in_all_layers() -> None:
    assert set(drawn("dash-uniform", "darcy-flow").values()) == {(9, 1)}
    assert set(drawn("dash-uniform", "ecg").values()) == {(19, 1)}
    other = ("kernel_size=7", "dilation=3")
    assert set(drawn("dash-uniform", "darcy-flow", *other, seed=3).values()) == {(7, 3)}
    sizes = drawn("dash-random", "darcy-flow", "dilation=1").values()
    assert {d for _, d in sizes} == {1}
    assert len({k for k, _ in sizes}) > 1


def test_a_kernel_that_cannot_be_centred() -> None:
    with pytest.raises(KitError, match="kernel size 4 is even and cannot be centred"):
        spec("dash-uniform", "darcy-flow", "kernel_size=4")
    # Causal kernels are as released; and K of the search has no say where it is not drawn from.
    assert spec("dash-uniform", "ecg", "kernel_size=4")
    assert spec("dash-uniform", "darcy-flow", "kernel_size=7", "kernel_sizes=[4]")


def test_all_genotypes_are_as_likely() -> None:
    drawn_cells = []
    for seed in SEEDS:
        genotype = draw_genotype(seed)
        check(genotype.value())
        drawn_cells += [getattr(genotype, cell) for cell in CELLS]
    assert even(Counter(name for cell in drawn_cells for name, _ in cell), len(CANDIDATES))
    for node in range(1, 4):
        both = Counter(
            tuple(source for _, source in cell[2 * node : 2 * node + 2]) for cell in drawn_cells
        )
        assert even(both, len([*combinations(range(node + 2), 2)]))
    assert draw_genotype(0) == draw_genotype(0) != draw_genotype(1)


def test_all_layers_of_amber_are_as_likely() -> None:
    drawn_layers = [draw_layers(6, seed) for seed in SEEDS]
    assert even(Counter(name for layers in drawn_layers for name, _ in layers), len(OPERATIONS))
    assert even(Counter(layers[3][1] for layers in drawn_layers), 2**3)
    assert draw_layers(6, 0) == draw_layers(6, 0) != draw_layers(6, 1)


def test_what_was_drawn_is_recorded_as_what_is_found(darcy: object) -> None:
    result = execute(spec("dash-random", "darcy-flow", seed=5), ExecuteOptions(device="cpu"))
    assert result is not None
    assert result.architecture is not None
    assert result.architecture.kind == "kernel-dilation"
    value = {name: (k, d) for name, k, d in result.architecture.value}
    assert value == drawn("dash-random", "darcy-flow", seed=5)
    assert set(result.stages) == {"tune", "retrain"}
