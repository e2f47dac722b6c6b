"""A last batch of one small sample, by which batch norms have a single value per channel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
import torch
from torch import nn

from kit.backbones import wide_resnet
from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.data.normalise import Normaliser
from kit.search import supernet
from kit.settings import Speed
from kit.spaces.auto_deeplab.candidates import CallNorm
from kit.spaces.darts.supernet import DartsSupernet
from kit.training.loop import network_loss
from kit.training.losses import cross_entropy
from kit.training.single_sample import single_sample


class Made:
    input_shape, targets = (1, 4, 4), Normaliser()


def batches() -> Iterator[Batch]:
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn(9, 1, 4, 4, generator=draw), torch.arange(9) % 2
    for part in torch.arange(9).split(4):
        yield Batch(x[part], y[part], part, part)


def networks() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    plain = wide_resnet.build((1, 4, 4), 2, width=1)
    return {
        "backbone": plain,
        "mixtures": supernet(plain, torch.zeros(1, 1, 4, 4), [3, 5], [1, 3]),
        "cells": DartsSupernet(1, 2, channels=4, layers=3),
    }


@pytest.mark.parametrize("name", networks())
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_it_is_trained_on_like_any_other(name: str, precision: Any) -> None:
    network = networks()[name].train()
    fold = cast(Fold, Made())
    loss = network_loss(network, fold, cross_entropy, Speed(precision=precision))
    values = []
    for batch in batches():
        values.append(loss(batch))
        network.zero_grad()
        values[-1].backward()
    assert len(batch.x) == 1
    assert torch.stack(values).isfinite().all()
    assert next(network.parameters()).grad is not None


def test_norms_of_more_than_one_value_are_as_ever() -> None:
    torch.manual_seed(0)
    x, norm, other = torch.randn(1, 3, 2), nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    with single_sample(x):
        found = norm(x)
    assert torch.equal(found, other(x))
    assert torch.equal(norm.state_dict()["running_mean"], other.state_dict()["running_mean"])


def test_of_a_single_value_the_running_statistics_count_and_stay() -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(3)
    norm(5 + torch.randn(8, 3))
    before, x = {k: v.clone() for k, v in norm.state_dict().items()}, torch.randn(1, 3)
    with single_sample(x):
        found = norm(x)
    assert torch.equal(found, norm.eval()(x))
    for name in ("running_mean", "running_var"):
        assert torch.equal(norm.state_dict()[name], before[name])


def test_maps_of_calls_that_are_normalised_one_by_one() -> None:
    torch.manual_seed(0)
    norm = CallNorm(3)
    norm(5 + torch.randn(4, 2, 3, 2, 2))
    mean, x = norm.mean.clone(), torch.randn(1, 2, 3, 1, 1)
    assert torch.equal(norm(x), norm.eval()(x))
    assert torch.equal(norm.mean, mean)
