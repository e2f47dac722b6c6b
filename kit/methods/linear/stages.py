"""linear: choose the penalty on the validation fold, fit, score."""

from __future__ import annotations

import math

from kit.base import networks
from kit.base.context import Context
from kit.data.folds import Fold
from kit.methods.linear.info import LinearSettings
from kit.methods.linear.model import Linear, minimise
from kit.training.checkpointer import Checkpointer
from kit.training.loop import score


class Stages(networks.OneNetwork[LinearSettings]):
    """The two stages of linear. Nothing is random but a task's own augmentation."""

    def run_stage(self, stage: str, context: Context) -> None:
        """Run one stage."""
        if stage == "tune":
            self._tune(context)
        else:
            checkpointer = context.checkpointer(stage, self.settings.epochs)
            penalty = float(context.output("tune")["penalty"])
            model = self._fitted(context, checkpointer, context.fold("final_fit"), penalty)
            networks.save(context, model)
            context.finish(checkpointer)

    def network(self, context: Context) -> Linear:
        """Return the model before it is fitted."""
        settings, outputs = self.settings, context.task.outputs
        side = settings.kernel_size if context.task.kind == "dense" else None
        model = Linear(context.input_shape, outputs, settings.features, side)
        return model.to(context.device)

    def _tune(self, context: Context) -> None:
        checkpointer = context.checkpointer("tune", self.settings.epochs)
        fit, validation = context.fold("tune_fit"), context.fold("tune_val")

        def trial(penalty: float, checkpointer: Checkpointer) -> float:
            model = self._fitted(context, checkpointer, fit, penalty)
            predict = networks.predictor(context, model, validation, self.settings.loss)
            scores = score(predict, validation, context.task, self.settings.batch_size)
            value = scores[context.task.metrics[0]].value
            return math.nan if value is None else value

        penalties = self.settings.penalties
        results = context.map_trials("tune", trial, penalties, epochs=self.settings.epochs)
        best = min(results, key=lambda result: (math.isnan(result.score), result.score))
        trials = [{"penalty": penalties[r.number], "score": r.score} for r in results]
        context.finish(checkpointer, penalty=penalties[best.number], trials=trials)

    def _fitted(
        self, context: Context, checkpointer: Checkpointer, fold: Fold, penalty: float
    ) -> Linear:
        settings, model = self.settings, self.network(context)
        model.standardise(fold, settings.batch_size)
        minimise(
            context,
            checkpointer,
            model,
            fold,
            loss_name=settings.loss,
            epochs=settings.epochs,
            iterations=settings.iterations,
            batch_size=settings.batch_size,
            penalty=penalty,
        )
        return model
