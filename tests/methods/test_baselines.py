from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from kit import method, task
from kit.base.minimise import minimise
from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.data.normalise import Normaliser
from kit.data.preparing import prepare
from kit.engines.execute import ExecuteOptions, execute
from kit.errors import KitError
from kit.methods.constant.method import Constant
from kit.methods.linear.model import Linear
from kit.runs.records import Result
from kit.spec import RunSpec
from kit.training.checkpointer import Checkpointer
from tests.specs import smoke_spec


@dataclass
class Held:
    """A fold that is one batch, cut into parts."""

    x: Tensor
    y: Tensor
    targets: Normaliser = field(default_factory=Normaliser)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return tuple(self.x.shape[1:])

    def batches(self, batch_size: int) -> Any:
        ids = torch.arange(len(self))
        for part in ids.split(batch_size):
            yield Batch(self.x[part], self.y[part], part, part)


@dataclass
class Here:
    """What ``minimise`` needs of a context."""

    task: Any
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))


def fitted(
    model: torch.nn.Module,
    fold: Held,
    folder: Path,
    loss: str,
    batch_size: int = 7,
    **how: Any,
) -> None:
    spec = smoke_spec("linear", protocol="clean")
    checkpointer = Checkpointer("fit", spec, folder, folder / "history.jsonl")
    here: Any = Here(task.find("darcy-flow"))
    if isinstance(model, Linear):
        model.standardise(as_fold(fold), 7)
    minimise(
        here,
        checkpointer,
        model,
        as_fold(fold),
        loss_name=loss,
        epochs=5,
        iterations=50,
        batch_size=batch_size,
        **how,
    )


def as_fold(held: Held) -> Fold:
    return cast(Fold, held)


def clouds() -> Held:
    """Three overlapping clouds of points in 12 dimensions, the last of which never changes."""
    draw = np.random.default_rng(0)
    y = draw.integers(0, 3, 90)
    x = draw.normal(size=(90, 2, 6)) * 3 + y[:, None, None]
    x[:, 1, 5] = 4.0
    return Held(torch.tensor(x, dtype=torch.float32), torch.tensor(y))


@pytest.mark.parametrize("penalty", [0.01, 0.3])
def test_linear_is_the_logistic_regression_of_scikit_learn(penalty: float, tmp_path: Path) -> None:
    held = clouds()
    model = Linear((2, 6), 3, "values", None)
    fitted(model, held, tmp_path, "cross-entropy", penalty=penalty)
    flat = held.x.flatten(1).numpy()
    z = (flat - flat.mean(0)) / np.where(flat.std(0) > 0, flat.std(0), 1.0)
    peer = LogisticRegression(C=1 / (penalty * len(z)), tol=1e-8, max_iter=5000)
    peer.fit(z, held.y.numpy())
    found = model(held.x).softmax(1).detach().numpy()
    np.testing.assert_allclose(found, peer.predict_proba(z), atol=2e-4)


def test_linear_of_a_dense_task_finds_a_filter(tmp_path: Path) -> None:
    x = torch.randn(6, 1, 10, 10, generator=torch.Generator().manual_seed(0))
    x -= x.mean()  # so that the zeros around a sample stay zeros
    held = Held(x, torch.nn.functional.conv2d(x, torch.ones(1, 1, 3, 3), padding=1))
    model = Linear((1, 10, 10), 1, "values", 3)
    fitted(model, held, tmp_path, "mse")
    assert float((model(x).detach() - held.y).abs().max()) < 1e-3
    assert model(torch.zeros(1, 1, 14, 14)).shape == (1, 1, 14, 14)


@pytest.mark.parametrize("loss", ["cross-entropy", "mse", "relative-l2"])
def test_the_result_does_not_depend_on_the_size_of_a_pass(loss: str, tmp_path: Path) -> None:
    """Nor does what a penalty means beside the loss, of a sum as of a mean."""
    held = clouds()
    if loss != "cross-entropy":
        held = Held(held.x, torch.stack((held.y + 1.0, held.x[:, 0, 0]), 1))
    found = []
    for size in (90, 7, 1):
        model = Linear((2, 6), 3 if loss == "cross-entropy" else 2, "values", None)
        fitted(model, held, tmp_path / str(size), loss, size, penalty=0.1)
        found.append(model(held.x).detach())
    torch.testing.assert_close(found[1], found[0], atol=0.03, rtol=0)
    torch.testing.assert_close(found[2], found[0], atol=0.03, rtol=0)


def test_the_log_spectrum_does_not_depend_on_where_in_the_sample_it_happens() -> None:
    model = Linear((1, 16), 2, "log-spectrum", None)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.randn(3, 1, 16)
    torch.testing.assert_close(model(x), model(x.roll(5, dims=-1)))


def test_a_spectrum_tells_no_positions() -> None:
    with pytest.raises(KitError, match="features = 'log-spectrum' no longer tell positions"):
        smoke_spec("linear", "features=log-spectrum", protocol="clean")


def test_constant_finds_the_class_priors_and_the_mean(tmp_path: Path) -> None:
    y = torch.tensor([0] * 6 + [1] * 3 + [2])
    priors = Constant(3, dense=False)
    fitted(priors, Held(torch.zeros(10, 1, 4), y), tmp_path / "a", "cross-entropy")
    torch.testing.assert_close(
        priors(torch.zeros(2, 1, 4)).softmax(1)[1], torch.tensor([0.6, 0.3, 0.1]), atol=1e-3, rtol=0
    )
    mean = Constant(1, dense=True)
    maps = torch.arange(8.0).reshape(2, 1, 2, 2)
    fitted(mean, Held(torch.zeros(2, 3, 2, 2), maps), tmp_path / "b", "mse")
    torch.testing.assert_close(mean(torch.zeros(1, 3, 5, 5)), torch.full((1, 1, 5, 5), 3.5))


def spec(task_name: str, name: str) -> RunSpec:
    return smoke_spec(name, of=task_name)


def run(task_name: str, name: str) -> Result:
    result = execute(spec(task_name, name), ExecuteOptions())
    assert result is not None
    return result


@pytest.mark.parametrize("name", [n for n in task.names() if n != "darcy-flow"])
def test_those_for_any_task_run_on_every_task(name: str) -> None:
    found = task.find(name)
    prepare(found, found.tiers[-1], "smoke")
    metric = found.metrics[0]
    for each in ("constant", "linear", "perceiver-io", "xgboost"):
        if method.find(each).applies(found):
            continue
        value = run(name, each).metrics[metric].value
        assert value is not None
    if metric == "one-minus-auroc":
        assert run(name, "constant").metrics[metric].value == 0.5


@pytest.mark.usefixtures("darcy")
def test_an_interrupted_fit_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.training.checkpointer.SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    whole = run("darcy-flow", "linear")
    monkeypatch.setenv("KIT_RESULTS", str(tmp_path / "other"))
    left = 3

    def stop(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(spec("darcy-flow", "linear"), ExecuteOptions(notify=stop))
    again = run("darcy-flow", "linear")
    assert left == 0
    assert again.metrics == whole.metrics
