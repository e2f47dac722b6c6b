"""auto-deeplab: rates, padding, what its switches change, what is refused, a resumed run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kit import method, task
from kit.base.context import Context
from kit.base.method import load
from kit.data.folds import Fold, TaskData
from kit.data.prepared import open_prepared
from kit.errors import KitError
from kit.method import architectures
from kit.methods.auto_deeplab import search as search_module
from kit.methods.auto_deeplab.fitted import AsTested, Fitted, parts
from kit.methods.auto_deeplab.info import AutoDeepLabSettings
from kit.methods.auto_deeplab.rates import annealed, setter, warmed
from kit.methods.auto_deeplab.search import build_supernet
from kit.runs.folder import RunFolder
from kit.spaces.auto_deeplab import decode
from kit.spec import Protocol
from tests.specs import smoke_spec

INFO = method.find("auto-deeplab")
PATH = [1, 1, 2]
CELL = [[1, "sep_conv_3x3"], [0, "skip_connect"], [2, "none"], [3, "dil_conv_3x3"]]


def settings(of: str, protocol: Protocol = "clean", *overrides: str) -> AutoDeepLabSettings:
    tier = task.find(of).tiers[-1]
    found = INFO.settings(task.find(of), protocol, "smoke", tier, overrides)
    assert isinstance(found, AutoDeepLabSettings)
    return found


def run_of(*overrides: str, protocol: Protocol = "clean") -> Context:
    darcy = task.find("darcy-flow")
    spec = smoke_spec("auto-deeplab", *overrides, protocol=protocol)
    data = TaskData(darcy, open_prepared(darcy, "regenerated", "smoke"), torch.device("cpu"))
    return Context(spec, darcy, load(INFO, spec).settings, data, RunFolder(spec))


def stages(context: Context, *names: str) -> None:
    for name in names:
        if context.folder.output(name) is None:
            load(INFO, context.spec).run_stage(name, context)


def test_where_it_applies() -> None:
    reasons = {name: INFO.applies(task.find(name)) for name in task.names()}
    taken = {name for name, reason in reasons.items() if reason is None}
    assert {"darcy-flow", "psicov", "cosmic"} <= taken
    assert "one answer per sample" in str(reasons["cifar-100"])
    assert "2D" in str(reasons["ecg"])


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 0.025), (50, 0.0125), (75, 0.0036611652), (95, 0.001), (100, 0.001)]
)
def test_the_rate_of_the_search(step: int, expected: float) -> None:
    assert annealed(0.025, 0.001, step, 100) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, 5e-6), (500, 5e-4), (1000, 0.05), (1500, 0.05 * 0.5**0.9), (1999, 0.05 * 0.001**0.9)],
)
def test_the_rate_of_the_evaluation(step: int, expected: float) -> None:
    assert warmed(0.05, 5e-6, 1000, 0.9, step, 2000) == pytest.approx(expected)


def test_rates_go_by_the_step_of_the_whole_training() -> None:
    sgd = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 1.0)
    setter(sgd, lambda step: 0.5**step, steps=3)(2, 1)
    assert sgd.param_groups[0]["lr"] == 0.5**7


class Echo(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        self.seen = x
        return x


def test_padding_as_the_original_has_it() -> None:
    network = Fitted(Echo(), 64)
    x = torch.randn(2, 3, 85, 85)
    assert torch.equal(network(x), x)
    seen = network.network.seen
    assert seen.shape == (2, 3, 128, 128)
    assert torch.equal(seen[:, :, 22:107, 22:107], x)
    assert seen.square().sum() == pytest.approx(float(x.square().sum()))


@pytest.mark.parametrize("shape", [(85, 85), (15, 40), (64, 33)])
@pytest.mark.parametrize("depth", [1, 3])
def test_a_covariant_network_answers_as_without_padding(shape: tuple[int, int], depth: int) -> None:
    """Of one convolution everywhere, of several where they do not reach beyond the map."""
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Conv2d(2, 2, 5, padding=2, bias=False), nn.ReLU()]
    network = nn.Sequential(*layers).double()
    x = torch.randn(2, 2, *shape, dtype=torch.float64)
    rim = 0 if depth == 1 else 2 * (depth - 1)
    inner = (..., slice(rim, shape[0] - rim), slice(rim, shape[1] - rim))
    assert torch.allclose(Fitted(network, 32)(x)[inner], network(x)[inner])


def test_axes_of_inputs_are_swapped_and_those_of_answers_are_not() -> None:
    x = torch.randn(1, 1, 15, 15)
    assert torch.equal(Fitted(Echo(), 32, swap_axes=True)(x), x.mT)
    with pytest.raises(KitError, match="square maps"):
        settings("darcy-flow", "released").check((1, 85, 84), 1, dense=True)


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [(6, 4, [4, 2]), (5, 4, [5]), (9, 4, [4, 5]), (1, 4, [2]), (4, 4, [4])],
)
def test_no_part_of_a_test_batch_is_a_single_sample(
    count: int, size: int, expected: list[int]
) -> None:
    x = torch.arange(float(count))[:, None]
    found = parts(x, size)
    assert [len(part) for part in found] == expected
    assert torch.equal(torch.cat(found)[:count], x)


def test_tests_in_training_mode_are_by_the_statistics_of_the_test_batch() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.BatchNorm2d(2), nn.Dropout(0.5))
    x = torch.randn(5, 2, 4, 4) + 3
    plain, released = (AsTested(network, 4, training=t, seed=1).eval() for t in (False, True))
    assert torch.allclose(plain(x), x, atol=1e-4)
    first, again = released(x), released(x)
    assert torch.equal(first, again)
    assert (first == 0).float().mean().item() == pytest.approx(0.5, abs=0.1)
    assert first[first != 0].std().item() == pytest.approx(2, rel=0.1)  # 1 / (1 - 0.5)
    assert released(x[:1]).shape == (1, 2, 4, 4)


RELEASED = {
    "layer_1_beta": "down",
    "allow_none": True,
    "choice": "all",
    "architecture_on": "search",
}
CLEAN = {
    "layer_1_beta": "same",
    "allow_none": False,
    "choice": "searched",
    "architecture_on": "search_val",
}


@pytest.mark.parametrize("of", ["darcy-flow", "psicov", "cosmic"])
def test_what_the_protocols_switch(of: str) -> None:
    clean, released = settings(of), settings(of, "released")
    assert {name: getattr(clean.search, name) for name in CLEAN} == CLEAN
    assert {name: getattr(released.search, name) for name in RELEASED} == RELEASED
    found = [
        (each.swap_axes, each.evaluation.op_order, each.evaluation.training_mode)
        for each in (clean, released)
    ]
    darcy = of == "darcy-flow"
    assert found[0] == (False, "rows", "every-epoch")
    assert found[1] == (darcy, "ascending", "first-epoch" if darcy else "every-epoch")
    tests = [each.evaluation.test_mode for each in (clean, released)]
    assert tests == ["evaluation", "evaluation" if darcy else "training"]
    assert clean.data.folds("search") == released.data.folds("search") == ("train",)
    assert clean.data.shared("search", "search_val") == ()


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("data.split={}", "samples of 'tune_val'|samples of 'search_val'"),
        ('data.split.search=["val", 0, 1]', "samples of 'tune_val'"),
        ('data.split.search=["train", 0, 0.6]', "samples of 'search_val'"),
        ("search.warm_start=2", "learn after 2 epochs, and there are 2"),
        ("search.batch_size=1", "search.batch_size"),
        ("search.layers=2", "search.layers"),
        ("search.layer_1_beta=up", "search.layer_1_beta"),
        ('architecture={path=[0, 2, 1], cell=[[0, "none"], [1, "none"]]}', "path, layer 2"),
        ('architecture={path=[0, 0, 1], cell=[[0, "none"], [0, "none"]]}', "cell, row 2"),
    ],
)
def test_settings_that_are_refused(override: str, said: str) -> None:
    if override == "data.split={}":
        override = 'data.split={search_val=["train", 0, 0.5]}'
    with pytest.raises(KitError, match=said) as error:
        settings("darcy-flow", "clean", override)
    assert "\n" not in str(error.value)


def test_stored_networks_belong_to_no_seed() -> None:
    assert architectures.released(INFO, "darcy-flow") == {}
    assert [file.stem for file in architectures.unseeded(INFO, "darcy-flow")] == [
        "df40-lr0.0025",
        "df40-lr0.025",
    ]
    with pytest.raises(KitError, match=r"seed 0; these are of no seed: .*lr0\.025\.json"):
        architectures.override(INFO, "released", "darcy-flow", 0)
    folder = INFO.folder / "architectures/darcy-flow"
    override = architectures.override(INFO, str(folder / "df40-lr0.025.json"), "darcy-flow", 0)
    given = settings("darcy-flow", "clean", override).architecture
    assert given is not None
    assert given["path"] == [1, 1, 1, 0, 1, 2, 3, 3, 3, 3, 3, 3]


class Killed(BaseException):
    """Stands for ``kill -9``."""


def test_killed_anywhere_it_ends_with_the_same_bits(
    darcy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_CHECKPOINT_SECONDS", "0")
    ends = []
    for kills in ((), (4, 7)):
        monkeypatch.setenv("KIT_RESULTS", str(tmp_path / str(len(kills))))
        context = run_of()
        for kill_at in kills:
            with monkeypatch.context() as patch:
                patch.setattr(torch.optim.SGD, "step", _killed_at(kill_at))
                with pytest.raises(Killed):
                    stages(context, "search", "evaluate")
        stages(context, "search", "evaluate")
        history = context.folder.history.read_text().splitlines()
        lines = [{k: v for k, v in json.loads(x).items() if k != "seconds"} for x in history]
        network = load(INFO, context.spec).trained(context)
        assert network is not None
        ends.append((lines, context.output("search")["architecture"], network.state_dict()))
    assert ends[0][:2] == ends[1][:2]
    assert all(torch.equal(ends[0][2][name], value) for name, value in ends[1][2].items())
    lines = ends[0][0]
    assert [line["stage"] for line in lines] == ["search"] * 2 + ["evaluate"] * 2
    assert ["architecture_loss" in line for line in lines[:2]] == [False, True]
    assert lines[0]["validation"] is None  # no epoch of the warm-up is chosen


def _killed_at(number: int) -> Callable[..., Any]:
    real, taken = torch.optim.SGD.step, 0

    def step(self: torch.optim.SGD, *arguments: Any, **options: Any) -> Any:
        nonlocal taken
        taken += 1
        if taken == number:
            raise Killed
        return real(self, *arguments, **options)

    return step


@pytest.mark.parametrize(("choice", "expected"), [("all", 0), ("searched", 1)])
def test_which_epoch_is_decoded(
    choice: str, expected: int, darcy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where validation gets worse, the first epoch that may be chosen is."""
    scores = iter([1.0, 2.0] if choice == "all" else [2.0])
    monkeypatch.setattr(search_module, "mean_loss", lambda *_: next(scores))
    context = run_of(f"search.choice={choice}")
    stages(context, "search")
    line = json.loads(context.folder.history.read_text().splitlines()[expected])
    betas = torch.tensor(line["beta"]).reshape(-1, 4, 3).tolist()
    known = decode(line["alpha"], betas, allow_none=False)
    assert context.output("search")["architecture"] == known


def test_epochs_are_scored_by_the_normalisers_of_the_search(
    darcy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``tune_val`` has those of all training samples, of which the search learns from half."""
    scored: list[Fold] = []

    def mean_loss(_: Context, network: nn.Module, fold: Fold, *rest: object) -> float:
        scored.append(fold)
        return 1.0

    monkeypatch.setattr(search_module, "mean_loss", mean_loss)
    context = run_of()
    stages(context, "search")
    (held_out,) = scored
    own, searched = context.fold("tune_val"), context.fold("search")
    assert torch.equal(held_out.addresses, own.addresses)
    x = torch.randn(2, *searched.first(1).y.shape[1:])
    assert torch.equal(held_out.targets.decode(x), searched.targets.decode(x))
    assert not torch.equal(held_out.targets.decode(x), own.targets.decode(x))


@pytest.mark.parametrize("mode", ["first-epoch", "every-epoch"])
def test_norms_learn_in_the_first_epoch_or_in_all(mode: str, darcy: Path) -> None:
    given = f"architecture={{path={PATH}, cell={json.dumps(CELL)}}}"
    context = run_of(given, f"evaluation.training_mode={mode}", "search.epochs=2")
    stages(context, "search", "evaluate")
    assert context.output("search")["architecture"] == {"path": PATH, "cell": CELL}
    network = load(INFO, context.spec).trained(context)
    assert network is not None
    counted = network.state_dict()["network.pyramid.join.1.num_batches_tracked"]
    steps = 16 // context.settings.evaluation.batch_size  # type: ignore[attr-defined]
    assert int(counted) == (steps if mode == "first-epoch" else 2 * steps)


def test_the_supernet_is_counted_without_numbers() -> None:
    context = run_of_paper()
    with torch.device("meta"):
        network = build_supernet(context, context.settings)
    assert sum(each.numel() for each in network.network.weights) == 11_559_780


def run_of_paper() -> Any:
    from kit.base.sizes import MetaContext

    darcy = task.find("darcy-flow")
    spec = INFO.spec(darcy, 0, protocol="released", profile="paper", tier="published")
    return MetaContext(spec, darcy, load(INFO, spec).settings)
