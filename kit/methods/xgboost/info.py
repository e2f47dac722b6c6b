"""XGBoost as it is, untuned (Chen and Guestrin 2016; NAS-Bench-360, section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from kit.errors import KitError
from kit.method import MethodInfo
from kit.methods.xgboost.architecture import TreeEnsemble
from kit.settings import Amount, Count, Positive, Settings
from kit.task import Task


class XgboostSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of XGBoost. Trees of depth 3 at rate 1 are the released choice.

    Attributes:
        rounds: largest number; each adds one tree per class, label or position.
        depth: the most splits between a tree's root and a leaf.
        learning_rate: factor of each tree's output.
        subsample: share of the samples that the trees of a round see, drawn evenly; the released
            code draws samples with large gradients more often, which XGBoost does on GPUs alone.
        stop_by: the score on the validation fold in a task of classes; other tasks have only one.
        patience: number of rounds without a better score on the validation fold after which
            boosting ends; 0 for never. The trees up to the best round are kept. Of numbers, the
            score is one RMSE over all outputs: those of large deviation decide.
        trees: ``one-per-output``, or ``for-all-outputs`` at once, whose leaves are vectors.
        patch: on a dense task: 0 for trees for each position that read the whole sample, else the
            side of the neighbourhood from which one set of trees predicts any position.
        positions: number of positions per sample, drawn at random, to train on with patches.
        hard: whether predictions are cut to 0 or 1 before they are scored.
        batch_size: samples that are in memory as floats at one time.
    """

    rounds: Positive
    depth: Positive
    learning_rate: Amount
    subsample: Annotated[float, Meta(gt=0, le=1)]
    stop_by: Literal["error", "log-loss"]
    patience: Count
    trees: Literal["one-per-output", "for-all-outputs"]
    patch: Count
    positions: Positive
    hard: bool
    batch_size: Positive


@dataclass(frozen=True, kw_only=True)
class XgboostInfo(MethodInfo):
    """Applies to samples that have one size."""

    def applies(self, task: Task) -> str | None:
        """Return None if the method can take the task, else the reason why not."""
        if task.dense and task.rules.get("window"):
            return "trees of a whole map need maps of one size; the paper's did not fit on a GPU"
        return super().applies(task)

    def check(self, settings: XgboostSettings, task: Task) -> None:
        """Check the settings against the task.

        Raises:
            KitError: classes are to be told at positions that are read from the whole sample.
        """
        super().check(settings, task)
        if task.kind == "segmentation" and settings.patch == 0:
            raise KitError("xgboost answers by classes from patches: patch must be above 0")


METHOD = XgboostInfo(
    name="xgboost",
    title="XGBoost",
    version=3,
    stages=("train",),
    settings_type=XgboostSettings,
    package="xgboost",
    architecture=TreeEnsemble(),
)
