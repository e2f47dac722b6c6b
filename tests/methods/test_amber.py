"""AMBER: its switches, its updates, its reward; a search that is interrupted at every child."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec.structs import replace

from kit import method, task
from kit.base.context import Context
from kit.base.fit import metric_of
from kit.base.method import Method, load
from kit.data.folds import TaskData
from kit.data.prepared import open_prepared
from kit.data.preparing import prepare
from kit.errors import KitError
from kit.methods.amber import policy
from kit.methods.amber.evaluate import bound, regularised
from kit.methods.amber.info import AmberController, AmberSettings
from kit.methods.amber.plan import Children, Plan
from kit.methods.amber.search import Search
from kit.runs import history
from kit.runs.folder import RunFolder
from kit.spaces.amber import final_network, from_tokens, to_tokens
from kit.spec import RunSpec
from tests.conftest import Run
from tests.specs import smoke_spec

TASKS = ("ecg", "satellite", "deepsea")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_DATA", str(folder))
        for name in ("satellite", "deepsea"):
            prepare(task.find(name), "synthetic", "smoke")
    return folder


@pytest.fixture
def data(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prepared data of two tasks, shared: not to be changed."""
    monkeypatch.setenv("KIT_DATA", str(prepared))
    return prepared


def settings(of: str, protocol: Any = "released", profile: Any = "paper") -> AmberSettings:
    found = method.find("amber").settings(task.find(of), protocol, profile, "synthetic")
    assert isinstance(found, AmberSettings)
    return found


def spec(of: str, *overrides: str, protocol: Any = "released") -> RunSpec:
    return smoke_spec("amber", *overrides, of=of, protocol=protocol)


def method_of(of_spec: RunSpec) -> Method[Any]:
    return load(method.find("amber"), of_spec)


def context_of(of_spec: RunSpec) -> Context:
    the_task, settings_of = task.find(of_spec.task), method_of(of_spec).settings
    data = TaskData(the_task, open_prepared(the_task, "synthetic", "smoke"), torch.device("cpu"))
    return Context(of_spec, the_task, settings_of, data, RunFolder(of_spec))


def search_of(of_spec: RunSpec) -> Search:
    return Search(context_of(of_spec), method_of(of_spec).settings)


def test_it_is_for_sequences_and_says_why_not_for_others() -> None:
    info = method.find("amber")
    for each in map(task.find, task.names()):
        reason = None if each.dims == 1 else "it is for 1D data, and this task is 2D"
        assert info.applies(each) == reason, each.name
    dense = dataclasses.replace(task.find("ecg"), kind="dense")
    assert (
        info.applies(dense)
        == "its network answers for a sequence as a whole, not for each position"
    )


@pytest.mark.parametrize("of", TASKS)
def test_sizes_are_the_released_ones(of: str) -> None:
    ours, clean = settings(of), settings(of, "clean")
    search, final = ours.search, ours.evaluate
    assert (ours.layers, search.width, search.hidden, search.dropout) == (12, 32, 925, 0.1)
    assert (search.episodes, search.child_steps, search.children) == (300, 500, 100)
    assert search.batch_size == (2000 if of == "satellite" else 500)
    assert (final.width, final.hidden, final.epochs) == (64, 100, 100)
    assert final.batch_size == {"ecg": 512, "satellite": 1024, "deepsea": 128}[of]
    told = [
        (each.search.branches, each.controller.penalised, each.controller.divergence)
        for each in (ours, clean)
    ]
    assert told == [("all", "half-score", 0.0), ("chosen", "sampled", 0.01)]


@pytest.mark.parametrize("steps", [(0, 5), (24, 25), (25, 26), (60, 1)])
def test_a_plan_has_every_step_and_child_once(steps: tuple[int, int]) -> None:
    plan = Plan(warm_up=steps[0], episodes=3, steps=steps[1], children=4)
    units = [plan.at(unit) for unit in range(len(plan))]
    done: dict[int, list[int]] = {}
    for episode, first, child in units:
        assert (first is None) != (child is None)
        if first is not None:
            last = min(first + 25, plan.steps_of(episode))
            done.setdefault(episode, []).extend(range(first, last))
    assert done.get(-1, []) == list(range(steps[0]))
    assert [done[each] for each in range(3)] == [list(range(steps[1]))] * 3
    scored = [(episode, child) for episode, _, child in units if child is not None]
    assert scored == [(episode, child) for episode in range(3) for child in range(4)]
    assert [episode for episode, _, _ in units] == sorted(episode for episode, _, _ in units)


@pytest.mark.usefixtures("data")
def test_interrupted_at_every_child_it_comes_to_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    of_spec = spec("satellite", "search.child_steps=27")
    monkeypatch.setenv("KIT_CHECKPOINT_SECONDS", "0")
    undisturbed = context_of(of_spec)
    method_of(of_spec).run_stage("search", undisturbed)
    monkeypatch.setenv("KIT_RESULTS", str(tmp_path / "again"))
    seen = set()

    def interrupt(stage: str, epoch: int, epochs: int, loss: float) -> None:
        # Before the checkpoint of this unit: it is done again.
        if epoch not in seen:
            seen.add(epoch)
            raise KeyboardInterrupt

    disturbed = dataclasses.replace(context_of(of_spec), notify=interrupt)
    while disturbed.folder.output("search") is None:
        with contextlib.suppress(KeyboardInterrupt):
            method_of(of_spec).run_stage("search", disturbed)
    assert len(seen) == 1 + 2 * (2 + 4)
    assert told(disturbed.folder) == told(undisturbed.folder)
    found, other = (each.output("search") for each in (undisturbed, disturbed))
    for name in ("architecture", "child", "reward", "children"):
        assert found[name] == other[name]
    children = [line for line in told(undisturbed.folder) if "reward" in line]
    assert len(children) == found["children"] == 8
    assert found["reward"] == max(line["reward"] for line in children)
    assert found["reward"] == children[found["child"]]["reward"]
    tokens = to_tokens([(name, tuple(skips)) for name, skips in found["architecture"]])
    assert "".join(map(str, tokens)) == children[found["child"]]["child"]


def told(folder: RunFolder) -> list[dict[str, Any]]:
    lines = history.read(folder.path)
    return [{name: value for name, value in each.items() if name != "seconds"} for each in lines]


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("of", ["satellite", "deepsea"])
def test_the_reward_is_the_area_under_the_curves(of: str) -> None:
    search = search_of(spec(of))
    reward, loss = search.reward()
    assert 0 <= reward <= 1
    assert loss > 0
    if of == "deepsea":  # whose metric it is
        error = metric_of(search.context, search.child, search.held_out, None, 8)
        assert reward == pytest.approx(1 - error, abs=1e-9)
    for weight in search.child.parameters():
        weight.data.zero_()
    assert search.reward()[0] == 0.5


@pytest.mark.usefixtures("data")
def test_of_one_class_there_is_no_reward() -> None:
    with pytest.raises(KitError, match="no area under a ROC curve"):
        search_of(spec("satellite", "data.samples.val=1"))


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("branches", ["all", "chosen"])
def test_what_is_not_chosen_goes_on_by_momentum_or_rests(branches: str) -> None:
    search = search_of(spec("satellite", f"search.branches={branches}", "search.child_steps=1"))
    left = search.child.candidate(0, "conv-8")[0].get_parameter("weight")
    norm = search.child.candidate(0, "conv-8")[1].get_buffer("running_mean")
    one, other = [0, *[0] * 9], [1, *[0] * 9]
    after = []
    for tokens in (one, other):
        search._sample = lambda *_, t=tokens: torch.tensor([t])  # type: ignore[method-assign]
        search._train(0, 0)
        after.append((left.detach().clone(), norm.clone()))
    moved = [not torch.equal(a, b) for a, b in zip(*after, strict=True)]
    assert moved == [branches == "all"] * 2


def options(**changes: Any) -> AmberController:
    return replace(settings("ecg", "clean").controller, **changes)


def learnt(seed: int = 0, **changes: Any) -> tuple[dict[str, float], float]:
    """Return what an episode told, and how much likelier the rewarded children became."""
    torch.manual_seed(seed)
    chosen = options(**{"batch_size": 20, **changes})
    controller, adam = policy.build(chosen, 12)
    tokens = controller.sample(100, torch.Generator().manual_seed(seed))
    rewards = (tokens[:, 0] == 6).double()  # an identity first
    before = controller.decisions(tokens[:1]).operations[0, 0, 6].item()
    generator = torch.Generator().manual_seed(seed)
    found = policy.learn(
        controller, adam, chosen, tokens, rewards, float(rewards.mean()), generator
    )
    return found, controller.decisions(tokens[:1]).operations[0, 0, 6].item() - before


def test_what_is_rewarded_becomes_likelier() -> None:
    found, gain = learnt(divergence=0.0)
    assert gain > 0.05
    assert found["updates"] == 50
    assert found["divergence"] > 0


def test_the_bound_on_the_divergence_ends_passes() -> None:
    free, further = learnt(learning_rate=0.01, divergence=0.0)
    bound_by, less = learnt(learning_rate=0.01, divergence=0.01)
    assert free["updates"] == 50
    assert 5 <= bound_by["updates"] < 25
    assert bound_by["divergence"] < free["divergence"]
    assert less < further


def test_the_penalty_depends_on_the_probability_that_is_penalised() -> None:
    found = {
        kind: learnt(penalised=kind, skip_weight=100.0, divergence=0.0)[0]["policy_loss"]
        for kind in ("sampled", "half-score")
    }
    assert found["sampled"] != pytest.approx(found["half-score"], rel=1e-3)


def test_advantages_are_clipped() -> None:
    assert learnt(clip=0.0, skip_weight=0.0, divergence=0.0)[1] == 0


def test_the_baseline_is_the_episode_before() -> None:
    children = Children(rewards=[0.2, 0.4])
    assert children.baseline(2) == pytest.approx(0.3)
    children.rewards += [0.8, 0.6]
    assert children.baseline(2) == pytest.approx(0.3)
    children.rewards += [0.8, 0.1]
    assert children.baseline(2) == pytest.approx(0.7)
    assert children.best() == 2


def test_norms_are_bounded_and_penalised_where_the_original_does() -> None:
    layers = from_tokens([0, 4, 1, 3, 0, 1, 6, 0, 0, 0])
    network = final_network((1, 40), 3, layers, width=4, hidden=5)
    found = regularised(network)
    sizes = [weight.shape[2] for weight in found]
    assert sizes == [8, 8, 4]  # stem and two convolutions; none of a pool or a reduction
    with torch.no_grad():
        found[0].fill_(2.0)
        found[1].mul_(1e-3)
    small = found[1].detach().clone()
    bound(found, 0.9)
    torch.testing.assert_close(found[0].norm(dim=2), torch.full((4, 1), 0.9))
    torch.testing.assert_close(found[1], small, rtol=1e-3, atol=0)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            ["data.stride=3"],
            "sequences of 16 positions are too short for 4 layers.* 17 are the few",
        ),
        (['architecture=[["conv-8", [0]]]'], "layer 0: nothing is before, not 0"),
        (['architecture=[["conv-3", []]]'], "layer 0: the operation is one of"),
        (['data.roles={ search_val = ["train"] }'], "no child is trained on"),
        (["layers=0"], "layers"),
    ],
)
def test_settings_that_cannot_be(overrides: list[str], words: str) -> None:
    with pytest.raises(KitError, match=words) as error:
        spec("satellite", *overrides)
    assert "\n" not in str(error.value)


def test_tokens_that_break_the_layout(kit: Run, tmp_path: Path) -> None:
    file = tmp_path / "tokens.txt"
    file.write_text("0 1 0 2 0\n")
    bad = kit("run", "satellite", "amber", "--profile", "smoke", "--architecture", str(file))
    assert bad.returncode == 2
    told = "5 tokens are no architecture: 2 layers have 3 tokens, 3 have 6"
    assert bad.stderr.strip().endswith(f"{file}: {told}")
    assert len(bad.stderr.strip().splitlines()) == 1
