"""NAS-Bench-201: train every cell, write the table, train the best one again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import nn

from kit.base import networks
from kit.base.context import Context
from kit.base.method import Method, NetworkContext, Outcome
from kit.base.trial import Trial
from kit.data.loading import Batch
from kit.errors import DataError
from kit.methods.nas_bench_201.collect import STAGE, table
from kit.methods.nas_bench_201.info import TABLE, NasBench201Settings
from kit.methods.nas_bench_201.recipe import Recipe, network
from kit.metrics import Prediction
from kit.runs.records import ArchitectureRecord
from kit.spaces.nas_bench_201 import Cell, Cell201
from kit.spaces.nas_bench_201.cell import string
from kit.spaces.nas_bench_201.files import write
from kit.trials.best import best_of


class NasBench201(Method[NasBench201Settings]):
    """Two stages: ``cells`` trains them all, each a trial; ``final`` the best one."""

    # Kept, so that folds are read and normalised once, not for each of thousands of cells.
    _kept: Recipe | None = None

    def run_stage(self, stage: str, context: Context) -> None:
        """Run one stage."""
        if stage == STAGE:
            self._cells(context)
        elif stage == "final":
            checkpointer = context.checkpointer(stage, self.settings.epochs)
            recipe = self._recipe(context)
            networks.save(context, recipe.train(checkpointer, self._best(context)))
            context.finish(checkpointer)
        else:
            raise ValueError(f"there is no stage {stage!r}")

    def run_trial(self, context: Context, trial: Trial) -> float:
        """Train a cell and return its score."""
        recipe = self._recipe(context)
        recipe.train(trial.checkpointer, Cell.parse(trial.configuration["cell"]))
        return recipe.score(trial.checkpointer.history)

    def predictor(self, context: Context) -> Callable[[Batch], Prediction]:
        """Return the best cell's network as a function."""
        loss = self.settings.loss
        return networks.predictor(context, self.trained(context), context.fold("test"), loss)

    def trained(self, context: Context) -> nn.Module:
        """Return the best cell's network with its final weights."""
        return networks.load(context, network(context, self.settings, self._best(context)))

    def network(self, context: NetworkContext) -> nn.Module | None:
        """Return the network of a given cell; None where cells are to be compared."""
        given = self.settings.architecture
        return None if given is None else network(context, self.settings, Cell.parse(given))

    def outcome(self, context: Context) -> Outcome:
        """Describe the best cell; the table is among the artifacts."""
        best = self._best(context)
        architecture = ArchitectureRecord(
            kind=Cell201.name, version=Cell201.version, value=best.string
        )
        described = networks.outcome(context, network(context, self.settings, best), architecture)
        if self.settings.architecture is not None:
            return described
        artifact = (f"artifacts/{TABLE}", "nas-bench-201")
        return replace(described, artifacts=[*described.artifacts, artifact])

    def _cells(self, context: Context) -> None:
        settings = self.settings
        if settings.architecture is not None:
            context.finish(context.checkpointer(STAGE, 0), cell=settings.architecture)
            return
        checkpointer = context.checkpointer(STAGE, settings.epochs)
        numbers = settings.trained()
        configurations = [{"cell": string(number)} for number in numbers]
        results = context.map_trials(STAGE, configurations, epochs=settings.epochs)
        try:
            made = table(context, settings, self._recipe(context).full())
            write(made, context.artifacts / TABLE)
        except ValueError as error:
            raise DataError(str(error)) from None
        best = best_of([result.score for result in results])
        context.finish(checkpointer, cell=string(numbers[best]), trained=len(numbers))

    def _recipe(self, context: Context) -> Recipe:
        if self._kept is None or self._kept.context is not context:
            self._kept = Recipe.of(context, self.settings)
        return self._kept

    def _best(self, context: Context) -> Cell:
        return Cell.parse(context.output(STAGE)["cell"])
