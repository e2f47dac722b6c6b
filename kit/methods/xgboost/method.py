"""xgboost: boosts trees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from kit.base.context import Context
from kit.base.method import Method, Outcome
from kit.data.loading import Batch
from kit.methods.xgboost.info import XgboostSettings
from kit.methods.xgboost.units import factors, units
from kit.metrics import Prediction
from kit.runs.records import ArchitectureRecord
from kit.training.losses import loss

if TYPE_CHECKING:
    import xgboost

MODEL = "trees.ubj"
STOP_BY = {"error": "merror", "log-loss": "mlogloss"}
TREES = {"one-per-output": "one_output_per_tree", "for-all-outputs": "multi_output_tree"}


class Xgboost(Method[XgboostSettings]):
    """One stage, ``train``. The package is imported when it is needed, not before."""

    def run_stage(self, stage: str, context: Context) -> None:
        """Boost on the final fold, scoring each round on the validation fold."""
        import xgboost

        from kit.methods.xgboost import ensemble
        from kit.methods.xgboost.rows import Rows, Stream, drawn_patches, whole

        settings, checkpointer = self.settings, context.checkpointer(stage, self.settings.rounds)
        rows = (
            drawn_patches(settings.patch, settings.positions) if self._patches(context) else whole
        )
        numbers = loss(context.task.loss)[1] == "field"
        scale = units(context.fold("final_fit"), settings.batch_size) if numbers else []

        def scaled(batch: Batch) -> Rows:
            return rows(replace(batch, y=batch.y / factors(scale, batch.y)) if scale else batch)

        def matrix(role: str, reference: xgboost.DMatrix | None = None) -> xgboost.DMatrix:
            fold = context.fold(role)
            stream = Stream(fold, settings.batch_size, scaled, lambda: checkpointer.begin_epoch(0))
            return xgboost.QuantileDMatrix(stream, ref=reference)

        data = matrix("final_fit")
        trees = ensemble.Ensemble(self._parameters(context), data)
        trees.boost(
            checkpointer,
            data,
            matrix("tune_val", data),
            rounds=settings.rounds,
            patience=settings.patience,
            share=settings.subsample,
        )
        ensemble.save(trees.kept(), context.artifacts / MODEL)
        context.finish(checkpointer, units=scale)

    def predictor(self, context: Context) -> Callable[[Batch], Prediction]:
        """Return the trees as a function."""
        from kit.methods.xgboost import ensemble
        from kit.methods.xgboost.rows import patches, whole

        booster = ensemble.load(context.artifacts / MODEL)
        task, regression = context.task, loss(context.task.loss)[1] == "field"
        scale = context.output("train").get("units", [])
        cut = self.settings.hard and task.kind in ("multi-label", "dense")

        def answer(batch: Batch) -> Tensor:
            if not self._patches(context):
                return ensemble.predict(booster, whole(batch).x)
            # Sample by sample, which bounds the memory that the patches of a map take.
            parts = (patches(x[None], self.settings.patch)[0] for x in batch.x)
            return torch.stack([ensemble.predict(booster, part) for part in parts])

        def predict(batch: Batch) -> Prediction:
            values = answer(batch)
            if self._patches(context) and values.ndim == 3:  # a row for each position
                values = values.movedim(-1, 1)
            if task.dense:
                values = values.reshape(len(batch.x), task.outputs, *batch.x.shape[2:])
            if task.kind in ("regression", "multi-label"):  # of one output it has no axis
                values = values.reshape(len(batch.x), task.outputs)
            if regression:
                return Prediction(values * factors(scale, values) if scale else values, "field")
            return Prediction((values > 0.5).float() if cut else values, "scores")

        return predict

    def outcome(self, context: Context) -> Outcome:
        """Describe the trees."""
        from kit.methods.xgboost import ensemble

        booster = ensemble.load(context.artifacts / MODEL)
        value = {
            "rounds": booster.num_boosted_rounds(),
            "depth": self.settings.depth,
            "features": booster.num_features(),
            "trees": self.settings.trees,
        }
        return Outcome(
            architecture=ArchitectureRecord(kind="trees", version=1, value=value),
            artifacts=[(f"artifacts/{MODEL}", "xgboost-ubj")],
        )

    def _parameters(self, context: Context) -> dict[str, Any]:
        settings = self.settings
        return {
            **self._objective(context),
            "max_depth": settings.depth,
            "eta": settings.learning_rate,
            "multi_strategy": TREES[settings.trees],
            "tree_method": "hist",
            "device": context.device.type,
            "nthread": torch.get_num_threads(),
            "seed": context.spec.seed % 2**63,  # XGBoost reads 64 bits
        }

    def _objective(self, context: Context) -> dict[str, Any]:
        if loss(context.task.loss)[1] == "field":
            return {"objective": "reg:squarederror", "eval_metric": "rmse"}
        if context.task.kind not in ("point", "segmentation"):
            return {"objective": "binary:logistic", "eval_metric": "logloss"}
        classes = context.task.outputs
        by = STOP_BY[self.settings.stop_by]
        return {"objective": "multi:softprob", "eval_metric": by, "num_class": classes}

    def _patches(self, context: Context) -> bool:
        return context.task.dense and self.settings.patch > 0
