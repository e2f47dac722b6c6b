from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kit import method, task
from kit.data.preparing import prepare
from kit.engines.execute import ExecuteOptions, execute
from kit.errors import KitError
from kit.methods.wrn_asha.info import WrnAshaSettings
from kit.methods.wrn_asha.tune import configured, draw, winner
from kit.runs.folder import RunFolder
from kit.runs.records import Result
from kit.runs.trial_records import Score, TrialRecord, file_of, read
from kit.spec import RunSpec
from tests.specs import smoke_spec

# Trials, rungs and epochs between scores as released; the metric where it is not the table's.
RELEASED: dict[str, tuple[int, list[list[int]], int]] = {
    "cifar-100": (28, [[12, 50, 200]], 10),
    "spherical": (16, [[12, 50, 200], [50, 200]], 5),
    "ninapro": (28, [[12, 50, 200]], 5),
    "fsd50k": (36, [[12, 50, 200]], 10),
    "darcy-flow": (104, [[3, 12, 50, 200]], 5),
    "psicov": (16, [[12, 50, 200]], 5),
    "cosmic": (16, [[12, 50, 200]], 20),
    "ecg": (56, [[12, 50, 200]], 20),
    "satellite": (28, [[12, 50, 200]], 10),
    "deepsea": (256, [[3, 12, 50, 200]], 10),
}


def settings(of: str, *overrides: str, protocol: Any = "released") -> WrnAshaSettings:
    found = task.find(of)
    resolved = method.find("wrn-asha").settings(found, protocol, "paper", found.tiers[0], overrides)
    assert isinstance(resolved, WrnAshaSettings)
    return resolved


def spec(of: str, *overrides: str, protocol: Any = "released") -> RunSpec:
    return smoke_spec("wrn-asha", *overrides, of=of, protocol=protocol)


def run(of_spec: RunSpec, notify: Callable[..., None] = lambda *_: None) -> Result:
    result = execute(of_spec, ExecuteOptions(notify=notify))
    assert result is not None
    return result


def tuned(of_spec: RunSpec) -> dict[str, Any]:
    output = RunFolder(of_spec).output("tune")
    assert output is not None
    return output


@pytest.mark.parametrize("of", RELEASED)
def test_the_search_is_the_released_one(of: str) -> None:
    ours, stored = settings(of), settings(of, "recipe=stored")
    trials, rungs, every = RELEASED[of]
    brackets = ours.tune.brackets(ours.epochs)
    assert (ours.tune.trials, [b.rungs for b in brackets], ours.tune.every) == (
        trials,
        rungs,
        every,
    )
    assert ours.tune.metric == ("false-negative-rate/logit-half" if of == "cosmic" else None)
    assert settings(of, protocol="clean").tune.metric is None
    assert stored.configuration is not None
    assert ours.configuration is None


def test_a_metric_that_the_task_has_not_is_refused_before_a_run() -> None:
    assert settings("cosmic", "tune.metric=one-minus-auroc").tune.metric == "one-minus-auroc"
    words = r"^unknown metric of ecg, tune\.metric = 'one-minus-auroc'; did you mean 'one-minus-f1'"
    for metric in ("one-minus-auroc", "one-minus-auroc/plain"):
        with pytest.raises(KitError, match=words):
            settings("ecg", f"tune.metric={metric}")


def test_satellite_is_tuned_with_smaller_batches() -> None:
    assert (settings("satellite").tune.batch_size, settings("satellite").batch_size) == (256, 4096)


@pytest.mark.parametrize("of", ["darcy-flow", "deepsea"])
def test_configurations_are_drawn_from_the_space(of: str) -> None:
    space = settings(of).tune
    drawn = [draw(space, 0, number) for number in range(400)]
    assert {each.dropout for each in drawn} == ({0.0, 0.3, 0.6} if of == "darcy-flow" else {0.0})
    assert {each.momentum for each in drawn} == {0.0, 0.3, 0.6, 0.9}
    for name, low, high in (("learning_rate", -4, -1), ("weight_decay", -5, -2)):
        logs = sorted(math.log10(getattr(each, name)) for each in drawn)
        assert low <= logs[0] < low + 0.1
        assert high - 0.1 < logs[-1] <= high
        assert logs[200] == pytest.approx((low + high) / 2, abs=0.2)
    assert draw(space, 0, 7) == drawn[7] != draw(space, 1, 7)


def test_a_configuration_takes_the_place_of_the_defaults() -> None:
    ours = settings("darcy-flow", "recipe=stored")
    assert ours.configuration is not None
    final = configured(ours, ours.configuration)
    assert (final.optimiser.learning_rate, final.optimiser.weight_decay) == (0.020727, 3.1349e-5)
    assert (final.optimiser.momentum, final.dropout) == (0.9, 0.0)
    assert (final.optimiser.nesterov, final.schedule) == (True, ours.schedule)


@pytest.mark.parametrize(
    ("override", "draws"),
    [
        ("dropout=0.5", "tune.dropouts"),
        ("optimiser.learning_rate=0.5", "tune.learning_rates"),
        ("optimiser={learning_rate=0.1, momentum=0.1, weight_decay=5e-4}", "tune.momenta"),
        ("optimiser.weight_decay=0.5", "tune.weight_decays"),
    ],
)
def test_what_is_drawn_is_not_to_be_set(override: str, draws: str) -> None:
    name = "dropout" if override.startswith("dropout") else "optimiser"
    with pytest.raises(KitError, match=rf"-o {name}.* draws it; change {draws}"):
        settings("cifar-100", override)
    assert settings("cifar-100", "optimiser.nesterov=false", "dropout=0.0").dropout == 0.0


def test_the_best_score_of_all_or_the_best_that_trained_longest() -> None:
    tune = settings("darcy-flow").tune
    scores = [
        (Score(3, 0.5), Score(12, 0.3), Score(200, 0.4)),
        (Score(3, 0.2),),
        (Score(3, 0.9), Score(12, None), Score(200, math.nan)),
        (Score(3, 0.5), Score(12, 0.35), Score(200, 0.35)),
    ]
    trials = [
        TrialRecord(number=number, configuration=None, scores=each)
        for number, each in enumerate(scores)
    ]
    assert winner(trials, tune) == 1
    assert winner(trials, msgspec.structs.replace(tune, choice="last-rung")) == 3


@pytest.mark.usefixtures("darcy")
def test_a_run_from_search_to_score() -> None:
    of_spec = spec("darcy-flow")
    result = run(of_spec)
    trials = tuned(of_spec)["trials"]
    epochs = [[score["epochs"] for score in trial["scores"]] for trial in trials]
    assert sorted(epochs) == [[1], [1], [1], [1, 2, 4]]
    (longest,) = (trial for trial in trials if len(trial["scores"]) == 3)
    assert longest["scores"][0]["value"] == min(t["scores"][0]["value"] for t in trials)
    assert tuned(of_spec)["configuration"] == longest["configuration"]
    assert set(result.stages) == {"tune", "retrain"}
    folder = RunFolder(of_spec).path / "trials"
    lines = (folder / f"tune-{trials.index(longest):03d}" / "history.jsonl").read_text()
    assert [json.loads(line)["epoch"] for line in lines.splitlines()] == [0, 1, 2, 3]
    assert not list(folder.glob("*/*.pt"))


@pytest.mark.usefixtures("darcy")
def test_an_interrupted_search_decides_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.training.checkpointer.SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    of_spec = spec("darcy-flow", "tune.workers=2")
    whole, search = run(of_spec), tuned(of_spec)
    monkeypatch.setenv("KIT_RESULTS", str(tmp_path / "interrupted"))
    epochs = 0

    def interrupt(*_: object) -> None:
        """Before the second epoch of a session is saved."""
        nonlocal epochs
        epochs += 1
        if epochs % 2 == 0:
            raise KeyboardInterrupt

    while epochs < 2 * 8:
        with pytest.raises(KeyboardInterrupt):
            run(of_spec, interrupt)
    again = run(of_spec)
    assert again.metrics == whole.metrics
    assert tuned(of_spec)["trials"] == search["trials"]
    records = read(file_of(RunFolder(of_spec).path, "tune"))
    seconds = sum(record.seconds for record in records.values())
    assert again.stages["tune"].active_seconds >= seconds > 0


def test_cosmic_is_tuned_by_the_artifacts_found_and_a_given_configuration_is_not() -> None:
    found = task.find("cosmic")
    prepare(found, found.tiers[-1], "smoke")
    of_spec = spec("cosmic", "tune.trials=1", "epochs=1")
    run(of_spec)
    (trial,) = tuned(of_spec)["trials"]
    (score,) = trial["scores"]
    assert 0 <= score["value"] <= 100
    given = spec("cosmic", "recipe=stored", "epochs=1")
    run(given)
    assert tuned(given)["trials"] == []
    assert tuned(given)["configuration"]["learning_rate"] == 0.001
