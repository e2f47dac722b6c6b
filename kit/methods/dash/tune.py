"""DASH's grid search over the training settings of the found network (A.5.2)."""

from __future__ import annotations

import math
from itertools import product

from torch import nn

from kit.base import networks
from kit.base.context import Context, TrialResult
from kit.methods.dash.info import DashSettings
from kit.runs.records import MetricValue
from kit.search import Choices
from kit.settings import Optimiser
from kit.training.checkpointer import Checkpointer
from kit.training.loop import score

# (learning rate, dropout, weight decay, momentum)
Configuration = tuple[float, float, float, float]


def tune(context: Context, settings: DashSettings, choices: Choices) -> None:
    """Score the grid on the validation fold and finish the stage with the best configuration."""
    checkpointer = context.checkpointer("tune", settings.tune.epochs)
    groups = grid(settings)
    configurations = [configuration for group in groups for configuration in group]
    results: list[TrialResult] = []
    if len(configurations) > 1:
        results = _run(context, settings, choices, groups)
        best = results[first_best([result.score for result in results])]
        chosen = configurations[best.number]
    else:
        chosen = configurations[0]
    names = ("learning_rate", "dropout", "weight_decay", "momentum")
    context.finish(
        checkpointer,
        configuration=dict(zip(names, chosen, strict=True)),
        trials=[{"configuration": configurations[r.number], "score": r.score} for r in results],
    )


def grid(settings: DashSettings) -> list[list[Configuration]]:
    """Return the configurations, one group per learning rate, in the released order."""
    rest = list(product(settings.tune.dropouts, settings.tune.weight_decays, settings.tune.momenta))
    return [[(rate, *others) for others in rest] for rate in settings.tune.learning_rates]


def first_best(scores: list[float]) -> int:
    """Return the index of the lowest score, the first on ties; NaN is worse than any number."""
    ranked = [math.inf if math.isnan(value) else value for value in scores]
    return ranked.index(min(ranked))


def _run(
    context: Context, settings: DashSettings, choices: Choices, groups: list[list[Configuration]]
) -> list[TrialResult]:
    results: list[TrialResult] = []
    bests: list[float] = []

    def trial(configuration: Configuration, checkpointer: Checkpointer) -> float:
        return _train(context, settings, choices, configuration, checkpointer)

    for number, group in enumerate(groups):
        if settings.tune.early_stop and number >= 2 and bests[-1] >= bests[-2]:
            break
        done = context.map_trials(
            "tune",
            trial,
            group,
            epochs=settings.tune.epochs,
            first=len(results),
            of=sum(map(len, groups)),
        )
        results += done
        bests.append(min(math.inf if math.isnan(r.score) else r.score for r in done))
    return results


def _train(
    context: Context,
    settings: DashSettings,
    choices: Choices,
    configuration: Configuration,
    checkpointer: Checkpointer,
) -> float:
    """Train one configuration and return its score on the validation fold, lower is better."""
    rate, dropout, weight_decay, momentum = configuration
    network = final_network(context, settings, choices, dropout)
    networks.fit(
        context,
        checkpointer,
        network,
        context.fold("tune_fit"),
        optimiser=Optimiser(
            kind=settings.retrain.optimiser,
            learning_rate=rate,
            momentum=momentum,
            weight_decay=weight_decay,
        ),
        schedule=settings.retrain.schedule,
        epochs=settings.tune.epochs,
        batch_size=settings.batch_size,
        loss_name=settings.loss,
        limit=tuning_batches(context, settings),
    )
    validation = context.fold("tune_val")
    predict = networks.predictor(context, network, validation, settings.loss)
    scores = score(predict, validation, context.task, settings.batch_size)
    return _first(scores)


def final_network(
    context: Context, settings: DashSettings, choices: Choices, dropout: float
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


def tuning_batches(context: Context, settings: DashSettings) -> int:
    """Return the batches per tuning epoch: the more search batches, the smaller the share."""
    searched = context.fold("search").batch_count(settings.batch_size)
    fractions = settings.tune.batch_fractions
    fraction = next((share for below, share in fractions if searched < below), fractions[-1][1])
    return int(fraction * context.fold("tune_fit").batch_count(settings.batch_size)) + 1


def _first(scores: dict[str, MetricValue]) -> float:
    value = next(iter(scores.values())).value
    return math.nan if value is None else value
