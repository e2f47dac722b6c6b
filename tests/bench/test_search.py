"""Epochs of DASH's search and retraining, measured as runs do them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from msgspec.structs import replace
from torch import Tensor

from kit import task
from kit.bench import search
from kit.cli import cli
from kit.cli.preparing import prepare_task
from kit.errors import KitError
from kit.methods.dash.search import build_backbone, build_supernet
from kit.ops import AggConv2d


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A space of two candidates on thinned data, which takes a second."""
    real = search._settings

    def small(*words: Any) -> Any:
        settings = real(*words)
        thin = replace(settings.data, stride=6)
        return replace(settings, kernel_sizes=(3,), dilations=(1, 2), data=thin)

    monkeypatch.setattr(search, "_settings", small)


@pytest.mark.usefixtures("darcy", "_small")
def test_epochs_by_each_method_and_by_hand() -> None:
    rows = search.measure(
        "darcy-flow", "regenerated", ("auto", "released"), batches=2, batch_size=3, rounds=1
    )
    found = [(row["epoch"], row["method"]) for row in rows]
    assert found == [
        ("search", "auto"),
        ("search", "released"),
        ("search beside training", "auto"),
        ("search beside training", "plain backbone"),
        ("retraining", "kit"),
        ("retraining", "plain loop"),
    ]
    assert all(row["seconds"] > 0 and row["batches"] == 2 for row in rows)
    assert rows[0]["ratio"] == rows[3]["ratio"] == rows[5]["ratio"] == 1.0
    assert rows[1]["ratio"] == rows[1]["seconds"] / rows[0]["seconds"]
    assert rows[2]["seconds"] == rows[0]["seconds"]
    assert rows[2]["ratio"] == rows[2]["seconds"] / rows[3]["seconds"]


@pytest.mark.usefixtures("darcy", "_small")
def test_the_backbone_beside_the_search_is_the_one_that_is_searched() -> None:
    context, settings = search._context("darcy-flow", "regenerated", "cpu", 3, "auto")
    epoch = search._training_of_backbone(context, settings, batches=1)
    network = build_backbone(context, settings)
    counts = [
        sum(isinstance(each, torch.nn.Conv2d | AggConv2d) for each in net.modules())
        for net in (network, build_supernet(context, settings, torch.zeros(1, 3, 15, 15)))
    ]
    assert counts[0] == counts[1]
    epoch()
    assert not context.folder.path.exists()


@pytest.mark.usefixtures("darcy", "_small")
def test_an_epoch_takes_the_steps_of_a_run_and_leaves_no_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All alphas move."""
    made: list[Sequence[Tensor]] = []
    from kit.methods.dash.search import learners as real

    def seen(*words: Any) -> Any:
        both = real(*words)
        made.append(both[1].parameters)
        return both

    monkeypatch.setattr("kit.bench.search.learners", seen)
    context, settings = search._context("darcy-flow", "regenerated", "cpu", 3, "auto")
    epoch = search._search(context, settings, batches=2)
    (alphas,) = made
    before = [alpha.detach().clone() for alpha in alphas]
    epoch()
    assert all((a != b).all() for a, b in zip(before, alphas, strict=True))
    assert len(alphas) == 13
    assert not context.folder.path.exists()


def test_the_command_suggests_near_names() -> None:
    for option, wrong, near in (("task", "darcy", "darcy-flow"), ("method", "furier", "fourier")):
        with pytest.raises(KitError, match=f"did you mean '{near}'"):
            cli.main(["bench", "search", f"--{option}", wrong], standalone_mode=False)


@pytest.mark.parametrize("name", ["ninapro", "ecg", "deepsea", "cosmic"])
def test_the_plain_loop_has_the_loss_of_the_task(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of classes on two axes and on one, of several labels, of pixels."""
    prepare_task(task.find(name), "smoke", "synthetic")
    real = search._settings

    def small(*words: Any) -> Any:
        return replace(real(*words), kernel_sizes=(3,), dilations=(1,))

    monkeypatch.setattr(search, "_settings", small)
    context, settings = search._context(name, "synthetic", "cpu", 2, "auto")
    ours, plain = search._retraining(context, settings, batches=1).values()
    ours()
    plain()
