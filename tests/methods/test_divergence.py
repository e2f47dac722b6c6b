"""Whatever a method trains: where it diverges, the run fails there, or the trial loses."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch

from kit import method
from kit.engines.execute import ExecuteOptions, execute
from kit.errors import RunError
from kit.runs.folder import RunFolder
from kit.spec import RunSpec
from kit.training import losses
from tests.specs import smoke_spec

pytestmark = pytest.mark.usefixtures("darcy")

GIVEN = 'architecture={ "conv1" = [3, 1] }'
ONE = ("tune.dropouts=[0.0]", "tune.weight_decays=[0.0]", "tune.momenta=[0.9]")
FEW = ("tune.epochs=1", "retrain.epochs=1")
SEARCH = ("search.clip=0", "search.epochs=6", "search.batch_fraction=1.0")


def spec(name: str, *overrides: str) -> RunSpec:
    return smoke_spec(name, *overrides, protocol="clean")


def failed(of: RunSpec, match: str, until: str | None = None) -> list[dict[str, Any]]:
    """Run it to its failure; return the lines of history of its stages."""
    with pytest.raises(RunError, match=rf"failed \(method\): {match}"):
        execute(of, ExecuteOptions(until=until))
    folder = RunFolder(of)
    status = folder.status()
    assert status is not None
    assert status.failure == "method"
    assert not folder.result.exists()

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    text = folder.history.read_text() if folder.history.exists() else ""
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("name", "overrides", "stage"),
    [
        ("dash", ("search.optimiser.learning_rate=1e8", *SEARCH), "search"),
        ("dash", ("search.alpha_learning_rate=1e38", "search.penalty=1e3", *SEARCH), "search"),
        ("dash", ("search.level=bilevel", "search.optimiser.learning_rate=1e8", *SEARCH), "search"),
        ("dash", ("tune.learning_rates=[1e30]", GIVEN, *ONE, *FEW), "retrain"),
        ("wrn", ("optimiser.learning_rate=1e30",), "train"),
        ("expert", ("optimiser.learning_rate=1e30",), "train"),
        ("perceiver-io", ("optimiser.learning_rate=1e36",), "train"),
        ("xgboost", ("learning_rate=1e30",), "train"),
    ],
)
def test_a_stage_that_diverges_fails_at_that_epoch(
    name: str, overrides: tuple[str, ...], stage: str
) -> None:
    lines = failed(spec(name, *overrides), f"{stage}, epoch ")
    assert lines[-1]["stage"] == stage
    for line in lines[:-1]:
        assert line["loss"] is not None, "it ends where it diverged"


@pytest.mark.parametrize(("name", "stage"), [("linear", "fit"), ("constant", "fit")])
def test_fits_of_a_whole_fold(name: str, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which no setting makes diverge: the loss is none."""
    real, kind = losses.LOSSES["relative-l2"]
    broken = {"now": name == "constant"}
    stages = method.find(name).stages

    def loss(output: torch.Tensor, batch: Any) -> torch.Tensor:
        value = real(output, batch)
        return value * math.nan if broken["now"] else value

    monkeypatch.setitem(losses.LOSSES, "relative-l2", (loss, kind))
    if len(stages) > 1:
        execute(spec(name), ExecuteOptions(until=stages[0]))
        broken["now"] = True
    lines = failed(spec(name), f"{stages[-1]}, epoch 1: the loss is nan")
    assert [line["loss"] for line in lines] == [None]


@pytest.mark.parametrize(
    ("name", "overrides", "winner"),
    [
        (
            "dash",
            ("tune.learning_rates=[1e30, 0.01]", "tune.early_stop=false", GIVEN, *ONE, *FEW),
            {"learning_rate": 0.01},
        ),
        (
            "wrn-asha",
            (
                "tune.learning_rates=[1e-38, 1e38]",
                "tune.choice=last-rung",
                "epochs=2",
                "tune.every=1",
            ),
            {},
        ),
    ],
)
def test_a_trial_that_diverges_loses(
    name: str, overrides: tuple[str, ...], winner: dict[str, float]
) -> None:
    of = spec(name, *overrides)
    assert execute(of, ExecuteOptions(until="tune")) is None
    output = RunFolder(of).output("tune")
    assert output is not None
    trials = [json.dumps(trial) for trial in output["trials"]]
    assert any("null" in trial for trial in trials), "one diverged"
    assert output["configuration"]["learning_rate"] < 1e6
    assert output["configuration"].items() >= winner.items()


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("dash", ("tune.learning_rates=[1e30, 1e31]", GIVEN, *ONE, *FEW)),
        ("wrn-asha", ("tune.learning_rates=[1e30, 1e31]", "epochs=2", "tune.trials=2")),
    ],
)
def test_all_trials_diverge(name: str, overrides: tuple[str, ...]) -> None:
    of = spec(name, *overrides)
    failed(of, "none of . trials has a score that is a finite number", until="tune")
    assert RunFolder(of).output("tune") is None


def test_all_trials_of_linear_diverge(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = losses.LOSSES["relative-l2"][1]
    monkeypatch.setitem(
        losses.LOSSES, "relative-l2", (lambda output, _: output.sum() * math.nan, kind)
    )
    failed(spec("linear"), "none of 2 trials has a score that is a finite number")
