"""window-search: search by trials, then the training of what was found."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from kit.base import networks
from kit.base.context import Context
from kit.base.fit import fit
from kit.base.method import Method, Outcome
from kit.base.trial import Trial
from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.metrics import Prediction
from kit.runs.records import ArchitectureRecord
from kit.seeding import key
from kit.training.checkpointer import Checkpointer
from kit.training.loop import Hooks, score
from kit.training.optimisers import make_optimiser
from kit.trials.best import best_of

from .info import WindowSettings


class Averages(nn.Module):
    """Moving means one after the other, the size of what is left, a linear layer."""

    def __init__(self, channels: int, outputs: int, windows: Sequence[int], label: int) -> None:
        super().__init__()
        self.windows = tuple(windows)
        self.linear = nn.Linear(channels * (1 + len(self.windows)), outputs)
        with torch.no_grad():
            self.linear.bias[label] += 1

    def forward(self, x: Tensor) -> Tensor:
        sizes = [x.abs().mean(dim=2)]
        for length in self.windows:
            x = nn.functional.avg_pool1d(x, length, stride=1)
            sizes.append(x.abs().mean(dim=2))
        return self.linear(torch.cat(sizes, dim=1))


class WindowSearch(Method[WindowSettings]):
    """Two stages, ``search`` and ``evaluate``."""

    def run_stage(self, stage: str, context: Context) -> None:
        checkpointer = context.checkpointer(stage, self.settings.epochs)
        if stage == "search":
            context.finish(checkpointer, windows=self._search(context))
        else:
            network = self._network(context, context.output("search")["windows"])
            self._fit(context, checkpointer, network, context.fold("final_fit"))
            networks.save(context, network)
            context.finish(checkpointer)

    def run_trial(self, context: Context, trial: Trial) -> float | None:
        network = self._network(context, trial.configuration)
        self._fit(context, trial.checkpointer, network, context.fold("tune_fit"))
        validation = context.fold("tune_val")
        predict = networks.predictor(context, network, validation, self.settings.loss)
        return score(predict, validation, context.task, 64)[context.task.metrics[0]].value

    def trained(self, context: Context) -> nn.Module:
        windows = context.output("search")["windows"]
        return networks.load(context, self._network(context, windows))

    def predictor(self, context: Context) -> Callable[[Batch], Prediction]:
        fold = context.fold("test")
        return networks.predictor(context, self.trained(context), fold, self.settings.loss)

    def outcome(self, context: Context) -> Outcome:
        windows = context.output("search")["windows"]
        architecture = ArchitectureRecord(kind="windows", version=1, value=windows)
        return networks.outcome(context, self._network(context, windows), architecture)

    def _search(self, context: Context) -> list[int]:
        if self.settings.architecture is not None:
            return list(self.settings.architecture)
        candidates = self.settings.candidates
        results = context.map_trials("search", candidates, epochs=self.settings.epochs)
        return list(candidates[best_of([result.score for result in results])])

    def _network(self, context: Context, windows: Sequence[int]) -> nn.Module:
        label = json.loads(context.input("label").artifact("artifacts/label.json").read_text())
        torch.manual_seed(key(context.spec.seed, "network"))
        channels, *_ = context.input_shape
        return Averages(channels, context.task.outputs, windows, label)

    def _fit(
        self, context: Context, checkpointer: Checkpointer, network: nn.Module, fold: Fold
    ) -> None:
        groups = [{"params": list(network.parameters())}]
        optimiser = make_optimiser(groups, self.settings.optimiser)

        def halve(epoch: int, step: int) -> None:
            if epoch >= self.settings.halve_from:
                for group in optimiser.param_groups:
                    group["lr"] = group["initial_lr"] / 2

        fit(
            context,
            checkpointer,
            network,
            fold,
            self.settings,
            optimiser=optimiser,
            hooks=Hooks(before_step=halve),
        )
