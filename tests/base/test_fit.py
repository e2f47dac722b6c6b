"""The one training of a network that all methods use, on a fold made up here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F
from msgspec.structs import replace
from torch import Tensor, nn

from kit import task
from kit.base.fit import fit, validation_fold
from kit.data.folds import Fold, TaskData
from kit.data.loading import Batch
from kit.data.normalise import Normaliser
from kit.data.prepared import open_prepared
from kit.settings import DataConfig, FoldShare, Optimiser, Schedule, TrainingSettings, Validation
from kit.training.checkpointer import Checkpointer
from tests.engines.fake_run import spec_of

X = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
DATA = Batch(x=X, y=X.flip(1), sample_id=X, unit_id=X)


class Headed(nn.Module):
    """Answers with its head, and in training with an auxiliary head's answer besides."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head, self.auxiliary = (nn.Linear(3, 3) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        inner = self.body(x).tanh()
        return (self.head(inner), self.auxiliary(inner)) if self.training else self.head(inner)


class Made:
    """A fold of four batches, in their order."""

    input_shape, targets = (3, 1), Normaliser()

    def batch_count(self, size: int) -> int:
        return 12 // size

    def shuffled(self, size: int, *_: object, limit: int | None = None) -> Iterator[Batch]:
        return iter([DATA.rows(part) for part in torch.arange(12).split(size)][:limit])


def settings(**changes: Any) -> TrainingSettings:
    sgd = Optimiser(learning_rate=0.1, momentum=0.0, weight_decay=0.0)
    plain = TrainingSettings(epochs=2, batch_size=3, optimiser=sgd, schedule=Schedule(), loss="mse")
    return replace(plain, **changes)


def fitted(folder: Path, how: TrainingSettings, **more: Any) -> Headed:
    network, fold = Headed(), cast(Fold, Made())
    context: Any = SimpleNamespace(spec=spec_of("darcy-flow", "wrn", 0))
    keeper = Checkpointer("train", context.spec, folder, folder / "history.jsonl")
    fit(context, keeper, network, fold, how, **more)
    return network


@pytest.mark.parametrize("auxiliary", [0.0, 0.4])
@pytest.mark.parametrize("clip", [0.0, 0.05])
@pytest.mark.parametrize("limit", [None, 2])
def test_by_hand(auxiliary: float, clip: float, limit: int | None, tmp_path: Path) -> None:
    found = fitted(tmp_path, settings(auxiliary=auxiliary, clip=clip), limit=limit)
    network = Headed()
    sgd = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(2):
        for part in list(torch.arange(12).split(3))[:limit]:
            sgd.zero_grad()
            answer, other = network(X[part])
            truth = X[part].flip(1)
            value = F.mse_loss(answer, truth) + auxiliary * F.mse_loss(other, truth)
            value.backward()
            if clip:
                nn.utils.clip_grad_norm_(network.parameters(), clip)
            sgd.step()
    for ours, theirs in zip(found.parameters(), network.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-7)


def test_until_an_epoch_and_on_from_there(tmp_path: Path) -> None:
    whole = fitted(tmp_path / "whole", settings(epochs=4))
    fitted(tmp_path / "parts", settings(epochs=4), until=1)
    parts = fitted(tmp_path / "parts", settings(epochs=4), until=4)
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.equal(one, other)


def test_scores_between_epochs_decode_as_the_training_does(darcy: object) -> None:
    """The role's own normaliser is fitted on ``tune_fit``, which a network need not learn from."""
    found = task.find("darcy-flow")
    data = TaskData(found, open_prepared(found, "regenerated", "smoke"), torch.device("cpu"))
    split = {"final_fit": FoldShare("train", 0.0, 0.5), "tune_val": FoldShare("train", 0.5, 1.0)}
    config = DataConfig(inputs="pointwise", targets="pointwise", split=split)
    context: Any = SimpleNamespace(fold=lambda role: data.fold(role, config))
    fold = context.fold("final_fit")
    held_out = validation_fold(context, settings(validation=Validation(role="tune_val")), fold)
    assert held_out is not None
    assert (held_out.inputs, held_out.targets) == (fold.inputs, fold.targets)
    assert torch.equal(held_out.addresses, context.fold("tune_val").addresses)
    assert validation_fold(context, settings(), fold) is None
