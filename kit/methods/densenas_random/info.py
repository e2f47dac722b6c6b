"""DenseNAS by random search: networks of the space, not larger than the searched one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from kit import method, task
from kit.method import MethodInfo
from kit.methods.densenas.info import DenseNasSettings
from kit.settings import Amount, Positive
from kit.spaces.densenas.blocks import Blocks
from kit.spec import RunSpec

SEARCHED = "searched"


class RandomTrials(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The search: networks are drawn, trained for a while and compared.

    Attributes:
        budget: a number of ``trials`` (code), or rounds of trials until they have taken the
            ``hours`` of the DenseNAS search [paper: the same GPU hours].
        trials: number of trials, or of trials in a round.
        epochs: of a trial.
        batch_size: of a trial; None for that of the final training.
        cosine_epochs: length of the cosine of a trial's rates; None for the epochs of the trial. In
            the released code it is that of the final training, of which trials see the beginning.
        path: ``near-uniform`` draws betas so close to uniform that the likeliest path is always the
            same one (code); ``uniform`` draws a path uniformly among all.
        bound: largest number of parameters of a network: that of the ``searched`` network of the
            same seed plus ``slack``, a number, or ``none`` for no bound (code, dense tasks).
        slack: number of parameters that ``bound = searched`` adds.
        strict: whether networks must have fewer parameters than the bound (code, 1D).
        attempts: most networks to draw for one trial until one meets the bound.
        by: the score that trials are compared by: the task's first metric or the loss.
    """

    budget: Literal["trials", "hours"]
    trials: Positive
    epochs: Positive
    batch_size: Positive | None = None
    cosine_epochs: Positive | None = None
    path: Literal["near-uniform", "uniform"]
    bound: Literal["searched", "none"] | Positive = "searched"
    slack: Amount
    strict: bool = False
    attempts: Positive = 1000
    by: Literal["metric", "loss"] = "metric"


class DenseNasRandomSettings(
    DenseNasSettings, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """All settings; those of the search are of the run of DenseNAS that bounds this one."""

    trials: RandomTrials


class DenseNasRandomInfo(MethodInfo):
    """Reads the run of DenseNAS of the same seed, unless an architecture is given."""

    def inputs(self, spec: RunSpec) -> Mapping[str, RunSpec]:
        """Return the run whose network bounds the sizes and whose hours bound the budget."""
        trials = spec.settings["trials"]
        free = trials["bound"] != SEARCHED and trials["budget"] == "trials"
        if spec.settings["architecture"] is not None or free:
            return {}
        searched = method.find("densenas").spec(
            task.find(spec.task),
            spec.seed,
            protocol=spec.protocol,
            profile=spec.profile,
            tier=spec.tier,
        )
        return {SEARCHED: searched}


METHOD = DenseNasRandomInfo(
    name="densenas-random",
    title="DenseNAS random",
    version=2,
    stages=("search", "evaluate"),
    settings_type=DenseNasRandomSettings,
    architecture=Blocks(),
    extends="densenas",
)
