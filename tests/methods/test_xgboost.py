from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
import xgboost

from kit import method, task
from kit.data.loading import Batch
from kit.data.new_task import create
from kit.data.own.reading import Ask
from kit.data.preparing import prepare
from kit.engines import local
from kit.engines.engine import SweepOptions
from kit.engines.execute import ExecuteOptions, execute
from kit.errors import KitError
from kit.methods.xgboost import ensemble
from kit.methods.xgboost.architecture import TreeEnsemble
from kit.methods.xgboost.ensemble import Ensemble
from kit.methods.xgboost.rows import drawn_patches, patches, whole
from kit.methods.xgboost.units import units
from kit.runs.folder import RunFolder
from kit.runs.records import Result
from kit.spec import RunSpec
from kit.training.checkpointer import Checkpointer
from tests.conftest import Run
from tests.specs import smoke_spec

PARAMETERS = {
    "objective": "binary:logistic",
    "eval_metric": "logloss",
    "max_depth": 2,
    "eta": 0.5,
    "tree_method": "hist",
    "nthread": 1,
}


def spec(name: str, *overrides: str, protocol: Any = "released") -> RunSpec:
    return smoke_spec("xgboost", *overrides, of=name, protocol=protocol)


CLASSES = PARAMETERS | {"objective": "multi:softprob", "num_class": 2, "eval_metric": "mlogloss"}


def boosted(folder: Path, share: float, parameters: dict[str, Any] = PARAMETERS) -> Ensemble:
    random = np.random.default_rng(0)
    x, y = random.standard_normal((8, 3)), np.arange(8) % 2
    data = xgboost.QuantileDMatrix(x, y)
    trees = Ensemble(parameters, data)
    checkpointer = Checkpointer("train", spec("deepsea"), folder, folder / "history.jsonl")
    trees.boost(checkpointer, data, data, rounds=4, patience=0, share=share)
    return trees


@pytest.mark.parametrize("parameters", [PARAMETERS, CLASSES])
def test_rounds_in_which_chance_leaves_no_row(
    parameters: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    high = SimpleNamespace(random=lambda count: np.linspace(0.6, 0.9, count))
    monkeypatch.setattr(ensemble, "generator", lambda *_: high)
    assert boosted(tmp_path, 0.5, parameters).booster.num_boosted_rounds() == 4


def test_a_share_of_less_than_a_row_is_refused(tmp_path: Path) -> None:
    words = r"^subsample = 0\.0001 leaves no row of 8 to a round of trees; make it at least 1 / 8$"
    with pytest.raises(KitError, match=words):
        boosted(tmp_path, 1e-4)


@pytest.mark.parametrize("trees", [[], {}, None, "one"])
def test_other_trees_are_refused(trees: Any) -> None:
    value = {"rounds": 3, "depth": 2, "features": 9, "trees": trees}
    with pytest.raises(ValueError, match=r"^trees is one of one-per-output, for-all-outputs, not "):
        TreeEnsemble().check(value)


def run(name: str, *overrides: str, **how: Any) -> Result:
    result = execute(spec(name, *overrides, **how), ExecuteOptions())
    assert result is not None
    return result


def labels() -> tuple[xgboost.DMatrix, xgboost.DMatrix]:
    """Noisy labels, so that trees soon learn the noise: for training, and for validation."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(300, 5))
    y = (x[:, :2] + draw.normal(size=(300, 2)) > 0).astype(float)
    return xgboost.DMatrix(x[:200], y[:200]), xgboost.DMatrix(x[200:], y[200:])


def checkpointer(folder: Path) -> Checkpointer:
    return Checkpointer("train", spec("darcy-flow"), folder, folder / "history.jsonl")


def test_boosting_and_stopping_are_xgboosts_own(tmp_path: Path) -> None:
    data, validation = labels()
    ours = Ensemble(PARAMETERS, data)
    ours.boost(checkpointer(tmp_path), data, validation, rounds=60, patience=3, share=1.0)
    peer = xgboost.train(
        PARAMETERS,
        data,
        60,
        evals=[(validation, "val")],
        early_stopping_rounds=3,
        verbose_eval=False,
    )
    assert ours.best_round == peer.best_iteration
    assert ours.best == pytest.approx(peer.best_score, abs=1e-6)
    assert ours.kept().num_boosted_rounds() == peer.best_iteration + 1 < 57
    expected = peer.predict(validation, iteration_range=(0, peer.best_iteration + 1))
    np.testing.assert_array_equal(ours.kept().predict(validation), expected)


def test_an_interrupted_boosting_goes_on_to_the_same_trees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.training.checkpointer.SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    data, validation = labels()
    whole_one = Ensemble(PARAMETERS, data)
    whole_one.boost(
        checkpointer(tmp_path / "a"), data, validation, rounds=12, patience=0, share=0.5
    )
    first = Ensemble(PARAMETERS, data)
    first.boost(checkpointer(tmp_path / "b"), data, validation, rounds=5, patience=0, share=0.5)
    again = Ensemble(PARAMETERS, data)
    again.boost(checkpointer(tmp_path / "b"), data, validation, rounds=12, patience=0, share=0.5)
    assert again.booster.save_raw("ubj") == whole_one.booster.save_raw("ubj")
    assert (again.best, again.best_round) == (whole_one.best, whole_one.best_round)
    lines = (tmp_path / "b/history.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == list(range(12))


@pytest.mark.parametrize("side", [1, 3, 4])
def test_patches_are_neighbourhoods_with_zeros_around(side: int) -> None:
    x = torch.arange(2 * 2 * 3 * 5.0).reshape(2, 2, 3, 5)
    found = patches(x, side).reshape(2, 3, 5, 2, side, side)
    before = (side - 1) // 2
    for row in range(3):
        for column in range(5):
            for a in range(side):
                for b in range(side):
                    at = (row + a - before, column + b - before)
                    inside = 0 <= at[0] < 3 and 0 <= at[1] < 5
                    expected = x[:, :, at[0], at[1]] if inside else torch.zeros(2, 2)
                    assert torch.equal(found[:, row, column, :, a, b], expected)
    assert patches(torch.zeros(2, 3, 7), side).shape == (2, 7, 3 * side)


def test_positions_that_do_not_count_are_not_learnt_from() -> None:
    ids = torch.arange(2)
    x = torch.arange(2 * 16.0).reshape(2, 1, 4, 4)
    mask = torch.zeros(2, 1, 4, 4, dtype=torch.bool)
    mask[0, 0, 1] = True  # four positions of the first sample, none of the second
    batch = Batch(x, x + 100, ids, ids, mask=mask)
    few, many = drawn_patches(1, 3)(batch), drawn_patches(1, 9)(batch)
    assert few.x.shape == (3, 1)
    assert many.x.flatten().sort().values.tolist() == [4, 5, 6, 7]
    torch.testing.assert_close(many.y, many.x + 100)
    assert torch.equal(whole(batch).y, ((x + 100) * mask).flatten(1))


@pytest.mark.parametrize("exponent", [-40, -20, -11])
def test_the_unit_of_numbers_does_not_decide_what_is_learnt(
    exponent: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XGBoost makes no split that gains less than 1e-6; powers of two keep all digits."""
    monkeypatch.setenv("KIT_TASKS", str(tmp_path))
    draw = np.random.default_rng(0)
    x = draw.normal(size=(100, 4)).astype("f4")
    y = np.stack([x[:, 0] + 3, x[:, 1] * x[:, 2]], axis=1)
    errors = []
    for unit in (1.0, 2.0**exponent):
        name = f"numbers-{-exponent}-{unit < 1}".lower()  # modules are kept by the names of tasks
        np.savez(tmp_path / "a.npz", x=x, y=y * np.array([unit, 1.0]))
        create(name, tmp_path / "a.npz", tmp_path, Ask(kind="regression"))
        prepare(task.find(name), "sample", "smoke")
        errors.append(run(name, protocol="clean").metrics["one-minus-r2"].value)
        stage = RunFolder(spec(name, protocol="clean")).output("train")
        assert stage is not None
        assert stage["units"] == [unit, 1.0]
    plain, small = errors
    assert small == pytest.approx(plain, rel=1e-5)
    assert plain is not None
    assert plain < 0.7


def test_a_single_label_is_one_of_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_TASKS", str(tmp_path))
    x = np.random.default_rng(0).normal(size=(60, 4)).astype("f4")
    np.savez(tmp_path / "one.npz", x=x, y=(x[:, :1] > 0).astype(int))
    create("one", tmp_path / "one.npz", tmp_path, Ask(kind="multi-label"))
    prepare(task.find("one"), "sample", "smoke")
    value = run("one", protocol="clean").metrics["one-minus-auroc"].value
    assert value is not None
    assert value < 0.2
    # A seed is any whole number, and XGBoost's is one of 64 bits.
    high = msgspec.structs.replace(spec("one", protocol="clean"), seed=2**64 + 1)
    assert execute(high, ExecuteOptions()) is not None


def test_units_are_those_of_outputs_that_vary_little() -> None:
    class Held:
        def batches(self, size: int) -> Any:
            del size
            for part in torch.arange(8).split(3):
                y = torch.stack([part % 2 * 1e-9, part % 2 * 1e3, part * 0.0], 1)
                yield Batch(part[:, None], y[..., None].expand(-1, -1, 2), part, part)

    fold: Any = Held()
    assert units(fold, 3) == [2.0**-31, 1.0, 1.0]


@pytest.mark.usefixtures("darcy")
@pytest.mark.parametrize("trees", ["one-per-output", "for-all-outputs"])
def test_darcy_flow_with_either_kind_of_trees(trees: str) -> None:
    result = run("darcy-flow", f"trees={trees}", "rounds=3")
    value = result.metrics["relative-l2"].value
    assert value is not None
    assert value < 1.0  # zeros everywhere would have 1
    assert result.parameters is None
    assert result.architecture is not None
    assert result.architecture.kind == "trees"
    assert result.architecture.value["rounds"] <= 3
    (artifact,) = result.artifacts
    assert (artifact.name, artifact.format) == ("artifacts/trees.ubj", "xgboost-ubj")


@pytest.mark.parametrize("overrides", [(), ("patch=3", "positions=50")])
def test_cosmic_by_position_or_by_patch(overrides: tuple[str, ...]) -> None:
    prepare(task.find("cosmic"), "synthetic", "smoke")
    hard, proper = (run("cosmic", *overrides, protocol=p) for p in ("released", "clean"))
    # Of hard answers no curve but its one corner is known.
    cut = hard.metrics["one-minus-auroc/binarised"].value
    assert cut == pytest.approx(hard.metrics["one-minus-auroc"].value, abs=0.02)
    value = proper.metrics["one-minus-auroc"].value
    assert value is not None
    assert value != hard.metrics["one-minus-auroc"].value
    assert value < 0.5 or not overrides  # a handful of samples is little for trees of whole maps


def test_maps_of_no_fixed_size_are_refused() -> None:
    reason = method.find("xgboost").applies(task.find("psicov"))
    assert reason is not None
    assert "maps of one size" in reason


def test_without_the_package_one_line_says_what_to_install(
    kit: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    line = "method xgboost needs xgboost: pip install -e '.[xgboost]'"
    info = method.find("xgboost")
    assert info.missing() is None
    assert local.unusable([spec("darcy-flow")], SweepOptions()) is None
    hide = "import sys; sys.modules['xgboost'] = None"
    (tmp_path / "sitecustomize.py").write_text(hide + "\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = kit("run", "darcy-flow", "xgboost", "--profile", "smoke")
    assert (done.returncode, done.stderr.strip()) == (2, f"kit: {line}")
    assert not RunFolder(spec("darcy-flow")).path.exists()
    monkeypatch.setattr("kit.method.info.find_spec", lambda _: None)
    assert local.unusable([spec("darcy-flow")], SweepOptions()) == line


@pytest.mark.parametrize(
    ("name", "protocol", "metric"),
    [
        ("ecg", "released", "mlogloss"),
        ("ecg", "clean", "merror"),
        ("satellite", "released", "merror"),
        ("deepsea", "released", "logloss"),
    ],
)
def test_what_ends_the_boosting(
    name: str, protocol: str, metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The score that XGBoost itself names after a round."""
    prepare(task.find(name), "synthetic", "smoke")
    told: list[str] = []
    plain = xgboost.Booster.eval

    def heard(*args: Any, **how: Any) -> str:
        told.append(plain(*args, **how))
        return told[-1]

    monkeypatch.setattr(xgboost.Booster, "eval", heard)
    run(name, protocol=protocol)
    assert told
    assert all(f"-{metric}:" in line for line in told)


@pytest.mark.parametrize("name", ["cosmic", "fsd50k"])
def test_each_sample_is_seen_as_it_is(name: str) -> None:
    found = task.find(name)
    clean, released = (
        method.find("xgboost").settings(found, by, "paper", "published").data
        for by in ("clean", "released")
    )
    assert (clean.view("final_fit"), released.view("final_fit")) == ("plain", "augmented")
    assert {clean.view("tune_val"), clean.view("test")} == {"evaluation"}
