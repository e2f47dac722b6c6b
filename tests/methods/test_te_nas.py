"""TE-NAS: what it prunes, what its switches do, its released genotypes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from kit import method, task
from kit.base.sizes import size
from kit.data.folds import TaskData
from kit.data.prepared import open_prepared
from kit.engines.execute import ExecuteOptions, execute
from kit.errors import KitError
from kit.methods.te_nas.crops import crops
from kit.methods.te_nas.info import TeNasSettings
from kit.methods.te_nas.ranking import Choice, change, pruned, ranking, significant
from kit.methods.te_nas.scoring import Score, changes, initialise
from kit.methods.te_nas.steps import Progress, Step, steps
from kit.runs import history
from kit.runs.folder import RunFolder
from kit.spaces.darts.prunable import PrunableSupernet, everything, genotype
from kit.spec import RunSpec
from tests.specs import smoke_spec

VALUES = json.loads((Path(__file__).parent / "te_nas_ranking.json").read_text())
CHOICES = [*product(range(2), range(14), range(1, 8))]


@pytest.mark.parametrize("case", VALUES["rounds"], ids=lambda case: f"prune-{case['prune_number']}")
def test_ranks_of_a_round_are_the_original_s(case: dict[str, Any]) -> None:
    kernel, regions = (dict(zip(CHOICES, case[of], strict=True)) for of in ("ntk", "regions"))
    ranks = ranking(kernel, regions, case["digits"])
    assert [[*ranks[choice]] for choice in CHOICES] == case["rankings"]
    assert sorted(pruned([*ranks], case["prune_number"])) == sorted(map(tuple, case["pruned"]))


@pytest.mark.parametrize("case", VALUES["groups"])
def test_ranks_of_a_group_are_the_original_s(case: dict[str, Any]) -> None:
    kernel, regions = (
        {tuple(choice): score for score, choice in case[of]} for of in ("ntk", "regions")
    )
    assert [*ranking(kernel, regions, 3)][:-2] == [*map(tuple, case["pruned"])]


@pytest.mark.parametrize(("number", "expected"), VALUES["significant"])
def test_significant_digits(number: float, expected: float) -> None:
    assert significant(number, 3) == expected


def test_numbers_that_only_rounding_makes_equal_have_ranks_of_their_own() -> None:
    a, b, c, d = choices = [(0, 0, number) for number in range(1, 5)]
    kernel = dict(zip(choices, [0.12341, 0.12344, 0.12344, -math.inf], strict=True))
    same: dict[Choice, float] = dict.fromkeys(choices, 0.0)
    assert ranking(kernel, same, 3) == {a: (0, 0), b: (1, 0), c: (1, 0), d: (2, 0)}
    assert pruned([*ranking(kernel, same, 3)], 2) == [a, b]


def test_change() -> None:
    assert change(3.0, 2.0, 3) == 0.333
    assert change(-2.0, 1.0, 3) == 1.5
    largest = 1.7976931348623157e308
    assert change(largest, 5.0, 3) == 1.0
    assert change(5.0, largest, 3) == pytest.approx(-largest / 5)
    assert change(0.0, 1.0, 3) == 0.0


def settings(of: str, *overrides: str, protocol: Any = "released") -> TeNasSettings:
    found = task.find(of)
    resolved = method.find("te-nas").settings(found, protocol, "paper", found.tiers[0], overrides)
    assert isinstance(resolved, TeNasSettings)
    return resolved


def test_two_rounds_leave_a_path_and_three_groups_of_each_cell_two_edges_a_node() -> None:
    planned = steps(settings("cifar-100").search)
    groups = [(2, 5), (5, 9), (9, 14)]
    assert planned == [
        Step(3),
        Step(3),
        *(Step(None, cell, edges) for cell in range(2) for edges in groups),
    ]
    progress, scored = Progress(everything()), []
    for step in planned:
        choices = step.choices(progress.remaining)
        scored.append(len(choices))
        # The later in order, the better it is to prune.
        kernel = {choice: float(number) for number, choice in enumerate(choices)}
        progress.prune(step.pruned(kernel, dict.fromkeys(choices, 0.0), 3))
    assert scored == [196, 112, 3, 4, 5, 3, 4, 5]
    again = Progress(everything())
    again.load_state_dict(json.loads(json.dumps(progress.state_dict())))
    assert again.remaining == progress.remaining
    expected = [("skip_connect", source) for source in (0, 1) * 4]
    assert [*genotype(again.remaining).normal] == expected
    assert len(steps(settings("cifar-100", "search.prune=2").search)) == 3 + 6


def test_whats_evaluated_is_set_as_for_gaea_and_the_search_has_all_training_data() -> None:
    ours, theirs = (
        method.find(name).settings(task.find("cosmic"), "released", "paper", "published")
        for name in ("te-nas", "darts-gaea")
    )
    for part in ("evaluation", "loss", "reduction", "skip"):
        assert getattr(ours, part) == getattr(theirs, part)
    assert ours.data.load == theirs.data.load
    assert ours.data.roles == theirs.data.roles
    assert ours.data.split["search"].cut(100) == slice(0, 100)


@pytest.mark.parametrize(
    ("of", "words"), [("ecg", "this task is 1D"), ("satellite", "this task is 1D"), ("psicov", "")]
)
def test_where_it_applies(of: str, words: str) -> None:
    assert words in (method.find("te-nas").applies(task.find(of)) or "")
    assert (method.find("te-nas").applies(task.find(of)) is None) is (not words)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("search.operations=['conv']", "'conv'"),
        ("search.operations=['none']", "'none'"),
        ("search.region_size=33", "region_size = 33: inputs are 32 × 32"),
        ("search.kernel_batch=1", "kernel_batch"),
    ],
)
def test_wrong_settings_are_one_line(override: str, words: str) -> None:
    with pytest.raises(KitError, match=words) as raised:
        settings("cifar-100", override)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("of", "parameters", "macs"),
    [("ninapro", 3.167, 0.403), ("cifar-100", 4.099, 0.643), ("spherical", 3.708, 2.042)],
)
def test_released_genotypes_have_the_sizes_of_the_original_s(
    of: str, parameters: float, macs: float
) -> None:
    """In millions, and billions."""
    found = size(task.find(of), method.find("te-nas"))
    assert found is not None
    assert found.searched
    [(of_network, multiply_adds, _)] = found.released
    assert round(of_network / 1e6, 3) == parameters
    assert round(multiply_adds / 1e9, 3) == macs
    if of == "cifar-100":
        assert (of_network, multiply_adds) == (4_099_168, 642_763_008)


class Draws:
    """A score that notes which weights and inputs it is given."""

    def __init__(self, shared: bool) -> None:
        self.seen: list[tuple[float, tuple[str | int, ...], int]] = []
        self.streams: list[tuple[str | int, ...]] = []
        self.score = Score(
            "kernel", lambda: PrunableSupernet(1, 2), "fan_out", shared, self.draw, self.measure
        )

    def draw(self, stream: tuple[str | int, ...]) -> list[torch.Tensor]:
        self.streams.append(stream)
        return []

    def measure(self, network: nn.Module, inputs: list[torch.Tensor]) -> float:
        del inputs
        assert isinstance(network, PrunableSupernet)
        left = sum(map(len, network.remaining[0]))
        self.seen.append((float(network.linear.weight.detach().sum()), self.streams[-1], left))
        return float(left)


@pytest.mark.parametrize(
    ("initialisation", "draws", "shared", "weights", "inputs", "measured"),
    [
        ("once", "choice", True, 1, 6, 12),
        ("once", "choice", False, 3, 6, 12),
        ("anew", "choice", True, 6, 6, 12),
        ("once", "round", False, 1, 2, 8),
        ("anew", "round", False, 2, 2, 8),
    ],
)
def test_what_is_drawn_anew(
    initialisation: str, draws: str, shared: bool, weights: int, inputs: int, measured: int
) -> None:
    """Three choices, two repeats."""
    options = settings(
        "cifar-100",
        "search.repeats=2",
        f"search.initialisation={initialisation}",
        f"search.draws={draws}",
    )
    noted, remaining = Draws(shared), everything()
    choices: list[Choice] = [(0, 0, 1), (0, 0, 2), (1, 3, 7)]
    found, wholes = changes(noted.score, options, 0, 1, remaining, choices)
    assert len({weight for weight, _, _ in noted.seen}) == weights
    assert len(set(noted.streams)) == len(noted.streams) == inputs
    assert len(noted.seen) == measured
    assert wholes == [98.0] * inputs
    assert found == {(0, 0, 1): 0.01, (0, 0, 2): 0.01, (1, 3, 7): 0.0}


@pytest.mark.parametrize(("fan", "number"), [("fan_in", 3 * 9), ("fan_out", 64 * 9)])
def test_kaiming_normal_weights(fan: Any, number: int) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 64, 3, bias=False), nn.Linear(8, 4))
    initialise(network, fan)
    deviation = float(network[0].weight.detach().std())  # type: ignore[operator]
    assert deviation == pytest.approx(math.sqrt(2 / number), rel=0.05)
    assert not network[1].bias.any()  # type: ignore[operator]


@pytest.mark.usefixtures("darcy")
def test_crops_are_pieces_of_one_channel() -> None:
    found = task.find("darcy-flow")
    config = method.find("te-nas").settings(found, "clean", "smoke", "regenerated").data
    fold = TaskData(found, open_prepared(found, "regenerated", "smoke"), torch.device("cpu")).fold(
        "search", config
    )
    several = crops(fold, 30, 3, 0, "some")
    assert several.shape == (30, 1, 3, 3)
    pieces = fold.samples.x.unfold(2, 3, 1).unfold(3, 3, 1)
    assert all(bool((pieces == crop[0]).flatten(-2).all(-1).any()) for crop in several)
    assert len(several.flatten(1).unique(dim=0)) > 20
    assert torch.equal(several, crops(fold, 30, 3, 0, "some"))
    assert not torch.equal(several, crops(fold, 30, 3, 0, "other"))


class Killed(BaseException):
    pass


@pytest.mark.usefixtures("darcy")
def test_a_killed_search_goes_on_from_its_last_step_to_the_same_genotype(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(notify: Callable[..., None] = lambda *_: None) -> tuple[RunSpec, Any]:
        # They take two seconds.
        groups_alone = "search.operations=['skip_connect']"
        spec = smoke_spec("te-nas", groups_alone, seed=1, protocol="clean")
        return spec, execute(spec, ExecuteOptions(device="cpu", threads=1, notify=notify))

    def lines(spec: RunSpec) -> list[dict[str, Any]]:
        every = history.read(RunFolder(spec).path)
        return [{key: each[key] for key in each if key != "seconds"} for each in every]

    def killed(stage: str, epoch: int, epochs: int, loss: float) -> None:
        del stage, epochs, loss
        if epoch == 3:
            raise Killed

    monkeypatch.setenv("KIT_CHECKPOINT_SECONDS", "0")
    spec, undisturbed = run()
    expected = lines(spec)
    monkeypatch.setenv("KIT_RESULTS", str(home / "other"))
    with pytest.raises(Killed):
        run(killed)
    _, resumed = run()
    assert resumed.stages["search"].sessions == 2
    assert resumed.architecture == undisturbed.architecture
    assert lines(spec) == expected
    gone = [choice for line in expected if line["stage"] == "search" for choice in line["pruned"]]
    assert len(gone) == 2 * (1 + 2 + 3)
