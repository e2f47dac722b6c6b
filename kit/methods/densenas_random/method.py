"""DenseNAS by random search: trials of networks that were drawn, then the training of the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from msgspec.structs import replace

from kit.base.context import Context
from kit.base.fit import mean_loss, metric_of
from kit.base.method import NetworkContext
from kit.base.trial import Trial
from kit.methods.densenas.found import ChainMethod, build_network, train
from kit.methods.densenas_random.draw import draw
from kit.methods.densenas_random.info import SEARCHED, DenseNasRandomSettings
from kit.ops import count
from kit.ops.shapes import Shapes
from kit.spaces.densenas import Block, ChainNetwork, parse
from kit.training.checkpointer import Checkpointer
from kit.trials.best import best_of


class DenseNasRandom(ChainMethod[DenseNasRandomSettings]):
    """Two stages, ``search`` and ``evaluate``."""

    def find(
        self, context: Context, checkpointer: Checkpointer
    ) -> tuple[Sequence[Block], dict[str, Any]]:
        """Draw and try networks, and return the best."""
        del checkpointer  # trials have their own
        options = self.settings.trials
        drawn: list[list[Block]] = []
        scores: list[float] = []
        seconds, budget = 0.0, self._budget(context)
        while not drawn or seconds < budget:
            first = len(drawn)
            drawn += [self._draw(context, first + number) for number in range(options.trials)]
            results = context.map_trials(
                "search",
                [[block.entry for block in blocks] for blocks in drawn[first:]],
                epochs=options.epochs,
                first=first,
            )
            scores += [result.score for result in results]
            seconds += sum(result.seconds for result in results)
        sizes = [self._parameters(context, blocks) for blocks in drawn]
        trials = [
            {"parameters": size, "score": score} for size, score in zip(sizes, scores, strict=True)
        ]
        return drawn[best_of(scores)], {"trials": trials}

    def run_trial(self, context: Context, trial: Trial) -> float:
        """Train a network for some epochs and return its score on the validation fold."""
        options, settings = self.settings.trials, self.settings
        size = options.batch_size or settings.batch_size
        settings = replace(settings, batch_size=size, epochs=trial.epochs)
        network = build_network(context, settings, parse(trial.configuration))
        train(
            context,
            trial.checkpointer,
            network,
            context.fold("tune_fit"),
            settings,
            scheduled=options.cosine_epochs,
        )
        measure = metric_of if options.by == "metric" else mean_loss
        return measure(context, network, context.fold("tune_val"), settings.loss, size)

    def _draw(self, context: Context, number: int) -> list[Block]:
        bound = self.settings.trials.bound
        if bound == "searched":
            size = context.input(SEARCHED).result.parameters
            assert size is not None, "every run of DenseNAS has a network"
            bound = int(size + self.settings.trials.slack)
        return draw(
            self.settings.table.graph,
            self.settings.trials,
            context.spec.seed,
            number,
            lambda blocks: self._parameters(context, blocks),
            float("inf") if bound == "none" else bound,
        )

    def _budget(self, context: Context) -> float:
        """Return the seconds that trials may take before no more are begun."""
        if self.settings.trials.budget == "trials":
            return 0.0
        return context.input(SEARCHED).result.stages["search"].active_seconds

    def _parameters(self, context: NetworkContext, blocks: Sequence[Block]) -> int:
        with torch.device("meta"), Shapes():
            network = ChainNetwork(
                blocks,
                context.input_shape,
                context.task.outputs,
                dense=context.task.dense,
            )
        return count.parameters(network)
