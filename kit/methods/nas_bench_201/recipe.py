"""The one recipe by which all cells are trained, and what is measured after each epoch."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.methods.nas_bench_201.info import NasBench201Settings
from kit.metrics import evaluator
from kit.runs.records import MetricValue
from kit.seeding import key
from kit.spaces.nas_bench_201 import Cell, CellNetwork
from kit.training.checkpointer import Checkpointer, Stateful
from kit.training.loop import network_predictor, run_epochs
from kit.training.losses import cross_entropy, loss, relative_l2, weight
from kit.training.optimisers import make_optimiser
from kit.training.schedules import set_rate
from kit.training.single_sample import single_sample

PERCENT, FRACTION = 100.0, 1.0


def network(context: NetworkContext, settings: NasBench201Settings, cell: Cell) -> CellNetwork:
    """Return the network of a cell, with initial weights that the seed alone decides."""
    torch.manual_seed(key(context.spec.seed, "network"))
    made = CellNetwork(
        cell,
        context.input_shape[0],
        context.task.outputs,
        dims=context.task.dims,
        dense=context.task.dense,
        channels=settings.channels,
        cells=settings.cells,
    )
    return made.to(context.device)


@dataclass(frozen=True)
class Recipe:
    """Trains cells, each from the same seed and on the same batches in the same order.

    Attributes:
        fit: what is trained on.
        held_out: what is evaluated after each epoch.
    """

    context: Context
    settings: NasBench201Settings
    fit: Fold
    held_out: Fold

    @classmethod
    def of(cls, context: Context, settings: NasBench201Settings) -> Recipe:
        """Return the recipe of a run."""
        fit = "final_fit" if settings.scored == "test" else "tune_fit"
        return cls(context, settings, context.fold(fit), context.fold(settings.scored))

    def train(self, checkpointer: Checkpointer, cell: Cell) -> CellNetwork:
        """Train the network of a cell and return it; its measures are in the history.

        Raises:
            DivergedError: the loss or a weight is not finite.
        """
        settings, made = self.settings, network(self.context, self.settings, cell)
        optimiser = make_optimiser([{"params": list(made.parameters())}], settings.optimiser)
        state: dict[str, Stateful] = {"network": made, "optimiser": optimiser}
        seconds: dict[str, Any] = {}

        def one_epoch(epoch: int) -> dict[str, Tensor]:
            begun = time.perf_counter()
            means = self._epoch(made, optimiser, epoch)
            self._wait()
            between = time.perf_counter()
            means |= self._evaluate(made)
            self._wait()
            seconds["train-seconds"] = between - begun
            seconds["held-out-seconds"] = time.perf_counter() - between
            return means

        run_epochs(
            checkpointer, made, state, one_epoch, epochs=settings.epochs, observe=lambda: seconds
        )
        return made

    def score(self, history: Path) -> float:
        """Return a trained cell's score, lower is better: minus its accuracy in the last epoch."""
        last = history.read_bytes().splitlines()[-1]
        accuracy = msgspec.json.decode(last).get("held-out-accuracy")
        return math.nan if accuracy is None else -float(accuracy)

    @torch.no_grad()
    def full(self) -> float:
        """Return the accuracy of a network that makes no mistake: 100 if in percent, else 1."""
        name, batch = self.context.task.metrics[0], self.held_out.first(1)
        metric = evaluator(name, self.context.task)
        kind = loss(self.settings.loss or self.context.task.loss)[1]
        made = network(self.context, self.settings, Cell.of(0))
        metric.update(network_predictor(made, self.held_out, kind)(batch), batch)
        return _full(metric.compute()[name])

    def _epoch(
        self, made: nn.Module, optimiser: torch.optim.Optimizer, epoch: int
    ) -> dict[str, Tensor]:
        settings, fold = self.settings, self.fit
        function = loss(settings.loss or self.context.task.loss)[0]
        total = torch.zeros((), dtype=torch.float64, device=self.context.device)
        right = torch.zeros_like(total)
        # The order depends on the seed and the epoch alone, so it is the same for every cell.
        batches = fold.shuffled(settings.batch_size, self.context.spec.seed, "cells", epoch)
        set_rate(optimiser, settings.schedule, epoch, 0, None, settings.epochs)
        for batch in batches:
            optimiser.zero_grad(set_to_none=True)
            with single_sample(batch.x):
                answer = fold.targets.decode(made(batch.x))
            value = function(answer, batch)
            if function is relative_l2:  # a sum
                value = value / len(batch.x)
            value.backward()
            optimiser.step()
            total += value.detach() * len(batch.x)
            right += self._right(function, answer.detach(), batch, value.detach())
        return {"loss": total / len(fold), "train-accuracy": right / len(fold)}

    def _right(self, function: Any, answer: Tensor, batch: Batch, value: Tensor) -> Tensor:
        """Return the sum of accuracies over a batch; NaN where the loss defines no accuracy."""
        if function is cross_entropy and answer.dim() == 2:
            return PERCENT * (answer.argmax(1) == batch.y).sum()
        if function is relative_l2:
            return (1 - value) * len(batch.x)
        return torch.full_like(value, torch.nan)

    @torch.no_grad()
    def _evaluate(self, made: nn.Module) -> dict[str, Tensor]:
        name = self.settings.loss or self.context.task.loss
        function, kind = loss(name)
        predict = network_predictor(made, self.held_out, kind)
        metric = evaluator(self.context.task.metrics[0], self.context.task)
        total = torch.zeros((), dtype=torch.float64, device=self.context.device)
        for batch in self.held_out.batches(self.settings.batch_size):
            answer = predict(batch)
            value = function(answer.values, batch)
            total += value * weight(function, len(batch.x))
            metric.update(answer, batch)
        result = metric.compute()[self.context.task.metrics[0]]
        accuracy = torch.nan if result.value is None else _full(result) - result.value
        return {
            "held-out-loss": total / len(self.held_out),
            "held-out-accuracy": total.new_tensor(accuracy),
        }

    def _wait(self) -> None:
        """Wait for the device to finish, so that its time is measured."""
        if self.context.device.type == "cuda":
            torch.cuda.synchronize(self.context.device)


def _full(result: MetricValue) -> float:
    return PERCENT if result.unit == "%" else FRACTION
