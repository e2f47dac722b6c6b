"""The search of WRN-ASHA: random configurations under asynchronous successive halving."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from kit.base import networks
from kit.base.context import Context
from kit.base.halved_trials import HalvedTrial, HalvedTrials
from kit.errors import unknown
from kit.methods.wrn.stages import Stages as Wrn
from kit.methods.wrn_asha.info import Configuration, Tune, WrnAshaSettings
from kit.seeding import generator
from kit.training.checkpointer import Checkpointer
from kit.training.loop import score
from kit.trials.halving import nan_last


def tune(context: Context, settings: WrnAshaSettings) -> None:
    """Finish the stage with the best configuration, or with the one that was given."""
    checkpointer = context.checkpointer("tune", settings.epochs)
    if settings.configuration is not None:
        context.finish(checkpointer, configuration=settings.configuration, trials=[])
        return
    found = trials(context, settings).run(settings.tune, settings.epochs)
    configurations = [draw(settings.tune, context.spec.seed, n) for n in range(len(found))]
    context.finish(
        checkpointer,
        configuration=configurations[winner(found, settings.tune)],
        trials=[
            {"configuration": each, "scores": trial.scores}
            for each, trial in zip(configurations, found, strict=True)
        ],
    )


def trials(context: Context, settings: WrnAshaSettings) -> HalvedTrials:
    """Return the trials, ready to be trained."""
    batch_size = settings.tune.batch_size or settings.batch_size
    metric = settings.tune.metric or context.task.metrics[0]
    settings = msgspec.structs.replace(settings, batch_size=batch_size)
    training, validation = context.fold("tune_fit"), context.fold("tune_val")

    def train(number: int, checkpointer: Checkpointer, until: int) -> float | None:
        configuration = draw(settings.tune, context.spec.seed, number)
        wrn = Wrn(configured(settings, configuration))
        network = wrn.network(context)
        wrn.fit(context, checkpointer, network, training, until)
        predict = networks.predictor(context, network, validation, settings.loss)
        scores = score(predict, validation, context.task, batch_size)
        if metric not in scores:
            raise unknown("metric", metric, scores)
        return scores[metric].value

    return HalvedTrials(context, "tune", train, settings.tune.every)


def draw(space: Tune, seed: int, number: int) -> Configuration:
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


def winner(found: Sequence[HalvedTrial], settings: Tune) -> int:
    """Return the number of the best trial, the first one of equals."""
    if settings.choice == "best-score":
        bests = [min(nan_last(score.value) for score in trial.scores) for trial in found]
    else:
        longest = max(trial.epochs for trial in found)
        bests = [
            nan_last(trial.scores[-1].value) if trial.epochs == longest else math.inf
            for trial in found
        ]
    return bests.index(min(bests))


def configured(settings: WrnAshaSettings, configuration: Configuration) -> WrnAshaSettings:
    """Return the settings with a configuration in place of the defaults."""
    optimiser = msgspec.structs.replace(
        settings.optimiser,
        learning_rate=configuration.learning_rate,
        momentum=configuration.momentum,
        weight_decay=configuration.weight_decay,
    )
    return msgspec.structs.replace(settings, dropout=configuration.dropout, optimiser=optimiser)
