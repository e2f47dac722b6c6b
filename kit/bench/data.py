"""What loading costs beside a training step of WRN, task by task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from time import perf_counter
from typing import TypedDict

import torch
from torch import nn

from kit import method
from kit.backbones import backbone
from kit.bench.measure import interleaved, torch_threads, wait_for
from kit.data.folds import Fold, TaskData
from kit.data.loading import Batch
from kit.data.prepared import open_prepared
from kit.methods.wrn.info import WrnSettings
from kit.spec import Profile, Tier
from kit.task import Task
from kit.training.loop import network_loss
from kit.training.losses import loss


class LoadingTiming(TypedDict):
    """Medians over batches of the final fit.

    ``opening_seconds`` is spent once, up to the first batch. ``samples_per_second`` is what
    loading alone gives; ``share`` is loading's part of loading and step together.
    """

    task: str
    tier: Tier
    profile: Profile
    device: str
    batch_size: int
    opening_seconds: float
    loading_seconds: float
    step_seconds: float
    samples_per_second: float
    share: float


def measure(
    task: Task,
    profile: Profile,
    tier: Tier,
    *,
    device: str = "cpu",
    threads: int | None = None,
    rounds: int = 5,
) -> LoadingTiming:
    """Time batches of a task, augmented and normalised, and training steps on one of them.

    WRN's step is the cheapest of the papers' searches and trainings, so that no other share is
    larger.

    Raises:
        DataError: the data are not prepared.
    """
    settings = method.find("wrn").settings(task, "clean", profile, tier)
    assert isinstance(settings, WrnSettings)
    with torch_threads(threads):
        start = perf_counter()
        prepared = open_prepared(task, tier, profile)
        fold = TaskData(task, prepared, torch.device(device)).fold("final_fit", settings.data)
        stream = _endless(fold, settings.batch_size)
        first = next(stream)
        opening = perf_counter() - start
        times = interleaved(
            {"loading": lambda: next(stream), "step": _step(task, settings, fold, first)},
            rounds=rounds,
            wait=wait_for(device),
        )
    loading, step = times["loading"], times["step"]
    return LoadingTiming(
        task=task.name,
        tier=tier,
        profile=profile,
        device=device,
        batch_size=len(first.y),
        opening_seconds=opening,
        loading_seconds=loading,
        step_seconds=step,
        samples_per_second=len(first.y) / loading,
        share=loading / (loading + step),
    )


def _endless(fold: Fold, batch_size: int) -> Iterator[Batch]:
    for epoch in count():
        yield from fold.shuffled(batch_size, 0, "bench", epoch)


def _step(task: Task, settings: WrnSettings, fold: Fold, batch: Batch) -> Callable[[], object]:
    network: nn.Module = backbone(settings.backbone).build(
        fold.input_shape,
        task.outputs,
        dense=task.dense,
        width=settings.width or None,
        variant="nas-bench-360",
    )
    network.to(batch.x.device).train()
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-6, momentum=0.9, nesterov=True)
    value_of = network_loss(network, fold, loss(settings.loss or task.loss)[0])

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        value_of(batch).backward()
        optimiser.step()

    return step
