"""Every option of the search changes what it says, and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
import torch.nn.functional as F
from msgspec.structs import replace
from torch import Tensor, nn

from kit import method, task
from kit.data.loading import Batch
from kit.engines.execute import ExecuteOptions, execute
from kit.errors import KitError
from kit.methods.dash.info import DashSearch, DashSettings, Form
from kit.methods.dash.search import ORDERS, learners, observe
from kit.ops import METHODS, AggConv2d
from kit.ops.methods import CHOOSERS
from kit.runs.folder import RunFolder
from kit.search import mixtures, supernet
from kit.spec import RunSpec
from kit.training import one_shot
from kit.training.checkpointer import Checkpointer
from kit.training.optimisers import make_optimiser
from tests.specs import smoke_spec

K, D = (3, 5), (1, 2)


def test_forms_of_an_aggconv_are_those_that_there_are() -> None:
    assert {each for part in get_args(Form) for each in get_args(part)} == {*CHOOSERS, *METHODS}
    with pytest.raises(KitError, match=r"search\.method"):
        method.find("dash").settings(
            task.find("darcy-flow"), "released", "paper", "regenerated", ("search.method=bogus",)
        )


def options(**changes: Any) -> DashSearch:
    found = method.find("dash").settings(
        task.find("darcy-flow"), "released", "paper", "regenerated"
    )
    assert isinstance(found, DashSettings)
    return replace(found.search, **{"gumbel": False, **changes})


def batch(seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(4, 2, 8, 8, generator=generator)
    return Batch(x=x, y=x.mean((1, 2, 3)), sample_id=x, unit_id=x)


class Once(Checkpointer):
    """Begins at an epoch, and leaves nothing behind."""

    def __init__(self, epoch: int) -> None:
        super().__init__("search", spec(), Path(), Path(os.devnull))
        self.epoch = epoch

    def resume(self, state: Any) -> int:
        return self.epoch

    def save(self, epoch: int, state: Any) -> None:
        pass


def loss_of(network: nn.Module, one: Batch) -> Tensor:
    return F.mse_loss(network(one.x).mean((1, 2, 3)), one.y)


def network_of(search: DashSearch) -> nn.Module:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1))
    return supernet(
        module,
        torch.zeros(1, 2, 8, 8),
        K,
        D,
        separable=search.separable,
        gumbel=search.gumbel,
        temperature=search.temperature,
        simplex=search.alpha_update == "exponentiated-gradient",
        memory="small" if search.streaming else "fast",
        method=search.method,
    )


def step(search: DashSearch, epoch: int = 0, other: Batch | None = None) -> tuple[Tensor, Tensor]:
    """One step of the search: all alphas, then all weights, one after the other."""
    network = network_of(search)
    weights, architecture = learners(
        network,
        search,
        partial(loss_of, network),
        lambda _: iter([batch(0)]),
        lambda _: iter([batch(0) if other is None else other]),
        1,
    )
    one_shot.search(
        Once(epoch),
        network,
        weights,
        architecture,
        epochs=epoch + 1,
        order=ORDERS[search.level],
        warm_start=search.warm_start,
    )
    return flat(architecture.parameters), flat(weights.parameters)


def before(search: DashSearch) -> tuple[Tensor, Tensor]:
    network = network_of(search)
    alphas = [layer.alpha for layer in mixtures(network).values()]
    ids = {id(alpha) for alpha in alphas}
    return flat(alphas), flat([each for each in network.parameters() if id(each) not in ids])


def flat(parameters: Sequence[Tensor]) -> Tensor:
    return torch.cat([each.detach().flatten() for each in parameters])


def test_a_single_level_step_by_hand() -> None:
    """Normalised gradient, penalty, clip, decay and Nesterov momentum, written out."""
    search = options(field="extent", gradient_scale=100.0, clip=0.5)
    alphas, weights = before(search)
    network = network_of(search)
    loss = loss_of(network, batch(0))
    layers = list(mixtures(network).values())
    ids = {id(layer.alpha) for layer in layers}
    of_alphas = list(
        torch.autograd.grad(loss, [layer.alpha for layer in layers], retain_graph=True)
    )
    of_weights = torch.autograd.grad(loss, [w for w in network.parameters() if id(w) not in ids])
    extents = torch.tensor([3.0, 5.0, 5.0, 9.0])
    shaped = torch.cat([g / (100 * (g.norm() + 1e-8)) + 1e-5 * extents for g in of_alphas])
    whole = torch.cat([g.flatten() for g in of_weights])
    norm = torch.cat([shaped, whole]).norm()
    factor = min(1.0, 0.5 / (float(norm) + 1e-6))
    for start, gradient, rate, found in (
        (alphas, shaped * factor, 0.005, step(search)[0]),
        (weights, whole * factor, 0.01, step(search)[1]),
    ):
        decayed = gradient + 5e-4 * start
        assert torch.allclose(found, start - rate * (decayed + 0.9 * decayed), atol=1e-7)


@pytest.mark.parametrize(
    "change",
    [
        {"gradient_scale": 0.0},
        {"gradient_scale": 10.0},
        {"penalty": 0.0},
        {"penalty": 1e-3},
        {"field": "extent"},
        {"temperature": 0.2},
        {"gumbel": True},
        {"alpha_learning_rate": 0.5},
        {"separable": False},
    ],
)
def test_options_that_change_a_step(change: dict[str, Any]) -> None:
    plain, changed = step(options()), step(options(**change))
    assert not torch.equal(
        plain[0] - before(options())[0], changed[0] - before(options(**change))[0]
    )


@pytest.mark.parametrize(
    "change", [{"streaming": True}, {"method": "dilation"}, {"method": "fourier"}]
)
def test_options_that_change_no_number(change: dict[str, Any]) -> None:
    plain, changed = step(options()), step(options(**change))
    for one, other in zip(plain, changed, strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    (layer, *_) = mixtures(network_of(options(**change))).values()
    assert isinstance(layer, AggConv2d)
    assert (layer.memory == "small") == bool(change.get("streaming"))
    assert layer.method == change.get("method", "auto")


def test_no_clip() -> None:
    loose, none, tight = (step(options(clip=clip))[1] for clip in (1e9, 0.0, 1e-3))
    assert torch.equal(loose, none)
    assert not torch.allclose(tight, none)


def test_exponentiated_gradient_stays_on_the_simplex() -> None:
    """p exp(-lr g) normalised, per layer, by hand; the weights' step is as ever."""
    search = options(alpha_update="exponentiated-gradient", alpha_learning_rate=5.0, clip=0.0)
    network = network_of(search)
    loss = loss_of(network, batch(0))
    alphas = [layer.alpha for layer in mixtures(network).values()]
    gradients = torch.autograd.grad(loss, alphas)
    expected = []
    for alpha, gradient in zip(alphas, gradients, strict=True):
        assert float(alpha.detach().sum()) == pytest.approx(1.0, abs=1e-6)
        shaped = gradient / (100 * (gradient.norm() + 1e-8)) + 1e-5 * torch.tensor(
            [30.0, 30, 50, 50]
        )
        moved = alpha.detach() * torch.exp(-5.0 * shaped)
        expected.append(moved / moved.sum())
    found = step(search)
    assert torch.allclose(found[0], torch.cat(expected), atol=1e-7)
    plain = step(options(clip=0.0))[1]
    assert torch.allclose(found[1], plain, atol=1e-6)
    history = observe(alphas, simplex=True)
    assert torch.tensor(history["alpha"]).exp().sum(1).tolist() == pytest.approx([1, 1], abs=1e-4)


def test_warm_start_leaves_the_alphas_alone() -> None:
    search = options(warm_start=2)
    assert torch.equal(step(search, epoch=1)[0], before(search)[0])
    assert not torch.equal(step(search, epoch=1)[1], before(search)[1])
    assert not torch.equal(step(search, epoch=2)[0], before(search)[0])


def test_bilevel_alphas_follow_the_other_batch_alone() -> None:
    """The alphas' step is that of a single level on the other batch; the weights' comes after."""
    search = options(level="bilevel", clip=0.0)
    found = step(search, other=batch(1))
    network = network_of(search)
    weights, architecture = learners(
        network,
        replace(search, level="single"),
        partial(loss_of, network),
        lambda _: iter([batch(1)]),
        lambda _: iter(()),
        1,
    )
    start = [weight.detach().clone() for weight in weights.parameters]
    one_shot.search(Once(0), network, weights, architecture, epochs=1, order="together")
    assert torch.equal(found[0], flat(architecture.parameters))
    assert not torch.equal(found[0], step(options(clip=0.0))[0])
    with torch.no_grad():
        for weight, value in zip(weights.parameters, start, strict=True):
            weight.copy_(value)
    gradients = torch.autograd.grad(loss_of(network, batch(0)), weights.parameters)
    sgd = make_optimiser([{"params": weights.parameters}], search.optimiser)
    for weight, gradient in zip(weights.parameters, gradients, strict=True):
        weight.grad = gradient
    sgd.step()
    assert torch.allclose(found[1], flat(weights.parameters), atol=1e-8)


@pytest.mark.parametrize(
    "overrides",
    [
        ("search.alpha_update=exponentiated-gradient", "search.warm_start=1"),
        ("search.level=bilevel", "search.optimiser.kind=adam", "search.schedule.kind=cosine"),
    ],
)
def test_a_run_with_other_updates(darcy: object, overrides: tuple[str, ...]) -> None:
    the_spec = spec(*overrides, protocol="clean")
    assert execute(the_spec, ExecuteOptions(until="search")) is None
    lines = [json.loads(line) for line in RunFolder(the_spec).history.read_text().splitlines()]
    first, second = (torch.tensor(line["alpha"]) for line in lines)
    assert first.shape == (13, 16)
    assert not torch.equal(first, second)


def test_bilevel_on_the_data_that_it_trains_on_is_refused(darcy: object) -> None:
    with pytest.raises(KitError, match=r"search_val.*--protocol clean"):
        execute(spec("search.level=bilevel"), ExecuteOptions(until="search"))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("kernel_sizes=[3, 4]", "kernel size 4 is even"),
        ("architecture={ nothing = [3, 1] }", "no convolution here"),
        ('architecture={ "conv1" = [4, 1] }', "kernel size 4 is even"),
    ],
)
def test_what_could_not_be_retrained_is_refused_before_the_search(
    darcy: object, override: str, words: str
) -> None:
    with pytest.raises(KitError, match=words):
        execute(spec(override), ExecuteOptions(until="search"))


def spec(*overrides: str, protocol: Any = "released") -> RunSpec:
    return smoke_spec("dash", *overrides, protocol=protocol)
