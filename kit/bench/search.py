"""DASH's training as runs do it, in epochs.

Of the search, by each method of AggConv and beside a training of the plain backbone on the same
batches; of the retraining, beside a plain loop. All that an epoch takes is in the clock: drawing
and normalising batches, both optimisers, the shaping of alpha's gradients, the learning rates, what
goes into the history.
"""

from __future__ import annotations

import copy
import os
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

import torch
from torch import Tensor, nn

from kit import method, task
from kit.base.context import Context
from kit.bench.measure import interleaved, torch_threads, wait_for
from kit.data.folds import TaskData
from kit.data.loading import Batch
from kit.data.prepared import open_prepared
from kit.methods.dash.info import DashSettings
from kit.methods.dash.search import (
    build_backbone,
    build_supernet,
    learners,
    observe,
    supernet_loss,
)
from kit.methods.dash.tune import final_network
from kit.runs.folder import RunFolder
from kit.search import discretise
from kit.settings import Optimiser
from kit.spec import Profile, Tier
from kit.task import Task
from kit.training import one_shot
from kit.training.checkpointer import Checkpointer
from kit.training.loop import network_loss, train
from kit.training.losses import Loss, loss
from kit.training.optimisers import make_optimiser

TASKS: list[str] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))[
    "tasks"
]
# Samples per step by number of axes, for two CPU cores: what the released strategy gets through in
# seconds.
BATCHES = {1: 8, 2: 2}
STRATEGIES = ("auto", "released")
PROFILE: Profile = "smoke"  # whose data are enough; all else is the paper's


class EpochTiming(TypedDict):
    """Median seconds of one epoch; ``ratio`` is to the reference.

    Attributes:
        epoch: ``search``, ``search beside training`` or ``retraining``.
        method: of AggConv in a search; what trains, else. The references are the first method
            given, the plain backbone, the plain loop.
    """

    task: str
    epoch: str
    method: str
    batch_size: int
    batches: int
    seconds: float
    ratio: float


def measure(
    name: str,
    tier: Tier,
    methods: Sequence[str] = STRATEGIES,
    *,
    batch_size: int | None = None,
    batches: int = 2,
    threads: int | None = None,
    rounds: int = 3,
    device: str = "cpu",
    clock: Callable[[], float] = time.perf_counter,
) -> list[EpochTiming]:
    """Return the rows of a task, in the order of the module's head.

    Args:
        name: the task whose shapes and data are used.
        tier: which of its prepared data are read.
        methods: ways to compute AggConv; the first one is what ratios are to.
        batch_size: None for a size that suits two CPU cores.
        batches: how many make an epoch.
        threads: None for as many as there are.
        rounds: of which the median counts; three times as many of the retraining.
        device: ``cpu`` or ``cuda``.
        clock: see `interleaved`.

    Raises:
        DataError: the task's data are not prepared.
    """
    size = batch_size or BATCHES[task.find(name).dims]
    wait = wait_for(device)
    with torch_threads(threads):
        contexts = {each: _context(name, tier, device, size, each) for each in methods}
        searches = {each: _search(*found, batches) for each, found in contexts.items()}
        searches["plain backbone"] = _training_of_backbone(*contexts[methods[0]], batches)
        trainings = _retraining(*_context(name, tier, device, size, "auto"), batches)
        of_search = interleaved(searches, rounds=rounds, wait=wait, clock=clock)
        # A ratio near one needs more of them, and these take less time.
        of_training = interleaved(trainings, rounds=3 * rounds, wait=wait, clock=clock)

    def row(epoch: str, each: str, seconds: float, reference: float) -> EpochTiming:
        return EpochTiming(
            task=name,
            epoch=epoch,
            method=each,
            batch_size=size,
            batches=batches,
            seconds=seconds,
            ratio=seconds / reference,
        )

    first, backbone = of_search[methods[0]], of_search.pop("plain backbone")
    beside = {methods[0]: first, "plain backbone": backbone}
    plain = of_training["plain loop"]
    return [
        *[row("search", each, value, first) for each, value in of_search.items()],
        *[row("search beside training", each, value, backbone) for each, value in beside.items()],
        *[row("retraining", each, value, plain) for each, value in of_training.items()],
    ]


class _Unkept(Checkpointer):
    """A stage that leaves nothing behind."""

    def __init__(self, context: Context) -> None:
        super().__init__("bench", context.spec, Path(), Path(os.devnull))

    def resume(self, state: Any) -> int:
        return 0

    def save(self, epoch: int, state: Any) -> None:
        pass


def _context(
    name: str, tier: Tier, device: str, size: int, how: str
) -> tuple[Context, DashSettings]:
    the_task, info = task.find(name), method.find("dash")
    width = _settings(the_task, tier).search.width
    overrides = (f"batch_size={size}", f"search.method={how}", f"retrain.width={width}")
    spec = info.spec(
        the_task, 0, protocol="released", profile="paper", tier=tier, overrides=overrides
    )
    settings = _settings(the_task, tier, overrides)
    data = TaskData(the_task, open_prepared(the_task, tier, PROFILE), torch.device(device))
    return Context(spec, the_task, settings, data, RunFolder(spec)), settings


def _settings(the_task: Task, tier: Tier, overrides: Sequence[str] = ()) -> DashSettings:
    settings = method.find("dash").settings(the_task, "released", "paper", tier, overrides)
    assert isinstance(settings, DashSettings)
    return settings


def _search(context: Context, settings: DashSettings, batches: int) -> Callable[[], None]:
    fold = context.fold("search")
    network = build_supernet(context, settings, fold.first(1).x)
    of_batch = supernet_loss(context, settings, network, fold)

    def drawn(epoch: int) -> Iterator[Batch]:
        return fold.shuffled(settings.batch_size, 0, "bench", limit=batches)

    weights, architecture = learners(network, settings.search, of_batch, drawn, drawn, None)
    return lambda: one_shot.search(
        _Unkept(context),
        network,
        weights,
        architecture,
        epochs=1,
        order="together",
        observe=partial(observe, architecture.parameters),
    )


def _training_of_backbone(
    context: Context, settings: DashSettings, batches: int
) -> Callable[[], None]:
    return _training(context, settings, build_backbone(context, settings), "search", batches)


def _training(
    context: Context, settings: DashSettings, network: nn.Module, role: str, batches: int
) -> Callable[[], None]:
    """Return an epoch of a network's training by the kit, on a role's data."""
    fold = context.fold(role)
    optimiser = make_optimiser(
        [{"params": list(network.parameters())}], Optimiser(learning_rate=1e-3)
    )
    value_of = network_loss(network, fold, loss(settings.loss or context.task.loss)[0])
    return lambda: train(
        _Unkept(context),
        network,
        optimiser,
        settings.retrain.schedule,
        epochs=1,
        batches=lambda _: fold.shuffled(settings.batch_size, 0, "bench", limit=batches),
        loss=value_of,
    )


def _retraining(
    context: Context, settings: DashSettings, batches: int
) -> dict[str, Callable[[], None]]:
    """Return an epoch of the kit and one by hand, of the same network on the same data.

    The network has the search's width, which makes the least of what is not the network.
    """
    fold = context.fold("final_fit")
    found = discretise(build_supernet(context, settings, fold.first(1).x))
    network = final_network(context, settings, found, 0.0)
    by_hand = copy.deepcopy(network)
    ours = _training(context, settings, network, "final_fit", batches)
    whole, of_task = next(fold.batches(len(fold))), loss(settings.loss or context.task.loss)[0]

    def criterion(output: Tensor, batch: Batch) -> Tensor:
        return of_task(fold.targets.decode(output), batch)

    plain = _by_hand(by_hand, whole, criterion, settings.batch_size, batches)
    return {"kit": ours, "plain loop": plain}


def _by_hand(
    network: nn.Module, whole: Batch, criterion: Loss, size: int, batches: int
) -> Callable[[], None]:
    """Return an epoch as one would write it down: tensors in memory, a loop and nothing else."""
    optimiser = torch.optim.SGD(
        network.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4, nesterov=True
    )
    device = whole.x.device

    def epoch() -> None:
        network.train()
        total = torch.zeros((), device=device)
        for rows in torch.randperm(len(whole.x), device=device).split(size)[:batches]:
            part = whole.rows(rows)
            optimiser.zero_grad()
            value = criterion(network(part.x), part)
            value.backward()
            optimiser.step()
            total += value.detach()
        total.item()

    return epoch
