"""linear: choose the penalty on the validation fold, fit, score."""

from __future__ import annotations

import math

from kit.base import networks
from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.data.folds import Fold
from kit.methods.linear.info import LinearSettings
from kit.methods.linear.model import Linear, minimise
from kit.training.loop import score
from kit.training.stage import Stage


class LinearMethod(networks.OneNetwork[LinearSettings]):
    """Two stages, ``tune`` and ``fit``. Nothing is random but a task's own augmentation."""

    def run_stage(self, stage: str, context: Context) -> None:
        """Run one stage."""
        if stage == "tune":
            self._tune(context)
        else:
            progress = context.stage(stage, self.settings.epochs)
            penalty = float(context.output("tune")["penalty"])
            model = self._fitted(context, progress, context.fold("final_fit"), penalty)
            networks.save(context, model)
            context.finish(progress)

    def network(self, context: NetworkContext) -> Linear:
        """Return the model before it is fitted."""
        settings, outputs = self.settings, context.task.outputs
        side = settings.kernel_size if context.task.kind == "dense" else None
        model = Linear(context.input_shape, outputs, settings.features, side)
        return model.to(context.device)

    def _tune(self, context: Context) -> None:
        stage = context.stage("tune", self.settings.epochs)
        fit, validation = context.fold("tune_fit"), context.fold("tune_val")

        def trial(penalty: float, progress: Stage) -> float:
            model = self._fitted(context, progress, fit, penalty)
            predict = networks.predictor(context, model, validation, self.settings.loss)
            scores = score(predict, validation, context.task, self.settings.batch_size)
            value = scores[context.task.metrics[0]].value
            return math.nan if value is None else value

        penalties = self.settings.penalties
        results = context.map_trials("tune", trial, penalties, epochs=self.settings.epochs)
        best = min(results, key=lambda result: (math.isnan(result.score), result.score))
        trials = [{"penalty": penalties[r.number], "score": r.score} for r in results]
        context.finish(stage, penalty=penalties[best.number], trials=trials)

    def _fitted(self, context: Context, stage: Stage, fold: Fold, penalty: float) -> Linear:
        settings, model = self.settings, self.network(context)
        model.standardise(fold, settings.batch_size)
        minimise(
            context,
            stage,
            model,
            fold,
            loss_name=settings.loss,
            epochs=settings.epochs,
            iterations=settings.iterations,
            batch_size=settings.batch_size,
            penalty=penalty,
        )
        return model
