"""linear: chooses the penalty on the validation fold, then fits the model."""

from __future__ import annotations

from kit.base import networks
from kit.base.context import Context
from kit.base.fit import metric_of
from kit.base.method import NetworkContext
from kit.base.minimise import minimise
from kit.base.trial import Trial
from kit.data.folds import Fold
from kit.methods.linear.info import LinearSettings
from kit.methods.linear.model import Linear
from kit.training.checkpointer import Checkpointer
from kit.trials.best import best_of


class LinearMethod(networks.OneNetwork[LinearSettings]):
    """Two stages, ``tune`` and ``fit``. Nothing is random but a task's own augmentation."""

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

    def network(self, context: NetworkContext) -> Linear:
        """Return the model before it is fitted."""
        settings, outputs = self.settings, context.task.outputs
        side = settings.kernel_size if context.task.dense else None
        model = Linear(context.input_shape, outputs, settings.features, side)
        return model.to(context.device)

    def run_trial(self, context: Context, trial: Trial) -> float:
        """Fit the model with a penalty and return its score on the validation fold."""
        fit, validation = context.fold("tune_fit"), context.fold("tune_val")
        model = self._fitted(context, trial.checkpointer, fit, float(trial.configuration))
        return metric_of(context, model, validation, self.settings.loss, self.settings.batch_size)

    def _tune(self, context: Context) -> None:
        checkpointer = context.checkpointer("tune", self.settings.epochs)
        penalties = self.settings.penalties
        results = context.map_trials("tune", penalties, epochs=self.settings.epochs)
        best = results[best_of([result.score for result in results])]
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
