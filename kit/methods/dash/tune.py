"""DASH's grid search over the training settings of the searched network (A.5.2)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from torch import nn

from kit.base import networks
from kit.base.context import Context, TrialResult
from kit.base.fit import fit, metric_of
from kit.base.method import NetworkContext
from kit.base.trial import Trial
from kit.methods.dash.info import TunedSettings
from kit.search import Choices
from kit.settings import Optimiser, TrainingSettings
from kit.trials.best import best_of, rank

Configuration = tuple[float, float, float, float]
NAMES = ("learning_rate", "dropout", "weight_decay", "momentum")


def tune(context: Context, settings: TunedSettings) -> None:
    """Score the grid on the validation fold and finish the stage with the best configuration."""
    checkpointer = context.checkpointer("tune", settings.tune.epochs)
    groups = grid(settings)
    configurations = [configuration for group in groups for configuration in group]
    results: list[TrialResult] = []
    if len(configurations) > 1:
        results = _run(context, settings, groups)
        best = results[best_of([result.score for result in results])]
        chosen = configurations[best.number]
    else:
        chosen = configurations[0]
    context.finish(
        checkpointer,
        configuration=dict(zip(NAMES, chosen, strict=True)),
        trials=[{"configuration": configurations[r.number], "score": r.score} for r in results],
    )


def grid(settings: TunedSettings) -> list[list[Configuration]]:
    """Return the configurations, one group per learning rate, in the released order."""
    rest = list(product(settings.tune.dropouts, settings.tune.weight_decays, settings.tune.momenta))
    return [[(rate, *others) for others in rest] for rate in settings.tune.learning_rates]


def run_trial(context: Context, settings: TunedSettings, choices: Choices, trial: Trial) -> float:
    """Train one configuration and return its score on the validation fold, lower is better."""
    configuration = trial.configuration
    network = final_network(context, settings, choices, configuration["dropout"])
    fit(
        context,
        trial.checkpointer,
        network,
        context.fold("tune_fit"),
        training(settings, configuration, trial.epochs),
        limit=tuning_batches(context, settings),
        speed=settings.speed,
    )
    validation = context.fold("tune_val")
    return metric_of(context, network, validation, settings.loss, settings.batch_size)


def _run(
    context: Context, settings: TunedSettings, groups: list[list[Configuration]]
) -> list[TrialResult]:
    results: list[TrialResult] = []
    bests: list[float] = []
    for number, group in enumerate(groups):
        if settings.tune.early_stop and number >= 2 and bests[-1] >= bests[-2]:
            break
        done = context.map_trials(
            "tune",
            [dict(zip(NAMES, configuration, strict=True)) for configuration in group],
            epochs=settings.tune.epochs,
            first=len(results),
            of=sum(map(len, groups)),
        )
        results += done
        bests.append(min(rank(result.score) for result in done))
    return results


def training(
    settings: TunedSettings, configuration: Mapping[str, float], epochs: int
) -> TrainingSettings:
    """Return the training settings of the final network for a configuration of the grid."""
    return TrainingSettings(
        data=settings.data,
        epochs=epochs,
        batch_size=settings.batch_size,
        optimiser=Optimiser(
            kind=settings.retrain.optimiser,
            learning_rate=configuration["learning_rate"],
            momentum=configuration["momentum"],
            weight_decay=configuration["weight_decay"],
        ),
        schedule=settings.retrain.schedule,
        loss=settings.loss,
    )


def final_network(
    context: NetworkContext, settings: TunedSettings, choices: Choices, dropout: float
) -> nn.Module:
    """Return the network that the search chose, at the width of retraining."""
    return networks.build(
        context,
        settings.backbone,
        variant="dash",
        width=settings.retrain.width,
        dropout=dropout,
        choices=choices,
        padding=settings.retrain.padding,
        options=settings.backbone_options,
    )


def tuning_batches(context: Context, settings: TunedSettings) -> int:
    """Return the number of batches per tuning epoch, by ``tune.batch_fractions``."""
    searched = context.fold("search").batch_count(settings.batch_size)
    fractions = settings.tune.batch_fractions
    fraction = next((share for below, share in fractions if searched < below), fractions[-1][1])
    return int(fraction * context.fold("tune_fit").batch_count(settings.batch_size)) + 1
