"""The search of WRN-ASHA: random configurations under asynchronous successive halving."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from kit.base import networks
from kit.base.context import Context
from kit.base.halved_trials import halve
from kit.base.trial import Trial
from kit.errors import unknown
from kit.methods.wrn.method import Wrn
from kit.methods.wrn_asha.info import Configuration, WrnAshaSettings, WrnAshaTune
from kit.runs.trial_records import TrialRecord
from kit.seeding import generator
from kit.training.loop import score
from kit.trials.best import best_of, rank


def tune(context: Context, settings: WrnAshaSettings) -> None:
    """Finish the stage with the best configuration, or with the one that was given."""
    checkpointer = context.checkpointer("tune", settings.epochs)
    if settings.configuration is not None:
        context.finish(checkpointer, configuration=settings.configuration, trials=[])
        return
    every = settings.tune.every
    configurations = [
        draw(settings.tune, context.spec.seed, n) for n in range(settings.tune.trials)
    ]
    records = halve(
        context, "tune", configurations, settings.tune, epochs=settings.epochs, every=every
    )
    context.finish(
        checkpointer,
        configuration=configurations[winner(records, settings.tune)],
        trials=[
            {"configuration": each, "scores": trial.scores}
            for each, trial in zip(configurations, records, strict=True)
        ],
    )


def run_trial(context: Context, settings: WrnAshaSettings, trial: Trial) -> float | None:
    """Train a configuration up to the trial's epochs and return its score on the validation fold.

    Raises:
        KitError: the task has no such metric.
    """
    batch_size = settings.tune.batch_size or settings.batch_size
    metric = settings.tune.metric or context.task.metrics[0]
    settings = msgspec.structs.replace(settings, batch_size=batch_size)
    training, validation = context.fold("tune_fit"), context.fold("tune_val")
    wrn = Wrn(configured(settings, msgspec.convert(trial.configuration, Configuration)))
    network = wrn.network(context)
    wrn.fit(context, trial.checkpointer, network, training, trial.epochs)
    predict = networks.predictor(context, network, validation, settings.loss)
    scores = score(predict, validation, context.task, batch_size)
    if metric not in scores:
        raise unknown("metric", metric, scores)
    return scores[metric].value


def draw(space: WrnAshaTune, seed: int, number: int) -> Configuration:
    """Return the configuration of a trial, which depends on the seed and its number alone."""
    random = generator(seed, "tune", number)

    def log_uniform(low: float, high: float) -> float:
        return float(10 ** random.uniform(math.log10(low), math.log10(high)))

    return Configuration(
        dropout=float(random.choice(space.dropouts)),
        learning_rate=log_uniform(*space.learning_rates),
        momentum=float(random.choice(space.momenta)),
        weight_decay=log_uniform(*space.weight_decays),
    )


def winner(records: Sequence[TrialRecord], settings: WrnAshaTune) -> int:
    """Return the number of the best trial, the first one of ties.

    Raises:
        DivergedError: none has a score that is a finite number.
    """
    if settings.choice == "best-score":
        return best_of([min(rank(score.value) for score in trial.scores) for trial in records])
    lasts = [trial.scores[-1].value for trial in records]
    pairs = list(zip(records, lasts, strict=True))
    longest = max((trial.epochs for trial, last in pairs if rank(last) < math.inf), default=0)
    return best_of([last if trial.epochs == longest else None for trial, last in pairs])


def configured(settings: WrnAshaSettings, configuration: Configuration) -> WrnAshaSettings:
    """Return the settings with a configuration in place of the defaults."""
    optimiser = msgspec.structs.replace(
        settings.optimiser,
        learning_rate=configuration.learning_rate,
        momentum=configuration.momentum,
        weight_decay=configuration.weight_decay,
    )
    return msgspec.structs.replace(settings, dropout=configuration.dropout, optimiser=optimiser)
