"""DASH's search: one supernet whose weights and alphas learn together (released code)."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from kit.data.folds import Fold
from kit.methods import networks
from kit.methods.context import Context
from kit.methods.dash.info import DashSettings
from kit.search import AlphaGradients, Choices, discretise, mixtures, supernet
from kit.training.loop import network_loss, sgd, train
from kit.training.losses import loss


def search(context: Context, settings: DashSettings) -> Choices:
    """Return the kernel size and dilation of each layer, and finish the stage with them."""
    stage = context.stage("search", settings.search.epochs)
    fold = context.fold("search")
    network = build_supernet(context, settings, fold)
    layers = mixtures(network)
    gradients = AlphaGradients(
        layers.values(),
        scale=settings.search.gradient_scale,
        penalty=settings.search.penalty,
        field=settings.search.field,
    )
    alphas = [layer.alpha for layer in layers.values()]
    ids = {id(alpha) for alpha in alphas}
    weights = [weight for weight in network.parameters() if id(weight) not in ids]
    parameters = [*weights, *alphas]

    def after_backward() -> None:
        gradients.shape()
        nn.utils.clip_grad_norm_(parameters, settings.search.clip)

    optimiser = sgd(
        [{"params": weights}, {"params": alphas, "lr": settings.search.alpha_learning_rate}],
        settings.search.optimiser,
    )
    batches = batches_per_epoch(fold.batch_count(settings.batch_size), settings)
    train(
        stage,
        network,
        optimiser,
        settings.search.schedule,
        epochs=settings.search.epochs,
        batches=lambda epoch: fold.shuffled(
            settings.batch_size, context.spec.seed, "search", epoch, limit=batches
        ),
        loss=network_loss(network, fold, loss(settings.loss or context.task.loss)[0]),
        after_backward=after_backward,
        observe=lambda: _observe(alphas),
    )
    choices = discretise(network)
    context.finish(stage, architecture=[[name, k, d] for name, (k, d) in choices.items()])
    return choices


def build_supernet(context: Context, settings: DashSettings, fold: Fold) -> nn.Module:
    """Return the supernet of the run's backbone, with weights that its seed decides."""
    return supernet(
        networks.build(context, settings.backbone, convention="dash", width=settings.search.width),
        fold.first(1).x,
        settings.kernel_sizes,
        settings.dilations,
        separable=settings.search.separable,
        gumbel=settings.search.gumbel,
        temperature=settings.search.temperature,
    )


def batches_per_epoch(batches: int, settings: DashSettings) -> int:
    """Return how many of an epoch's batches the search sees."""
    return int(settings.search.batch_fraction * batches) + 1


def _observe(alphas: list[nn.Parameter]) -> dict[str, Any]:
    """Alphas and the mean entropy of the mixtures, for the history."""
    stacked = torch.stack([alpha.detach() for alpha in alphas])
    logs = stacked.log_softmax(dim=1)
    entropy = -(logs.exp() * logs).sum(dim=1).mean()
    rows = stacked.cpu().tolist()
    return {
        "entropy": round(float(entropy), 6),
        "alpha": [[round(value, 6) for value in row] for row in rows],
    }
