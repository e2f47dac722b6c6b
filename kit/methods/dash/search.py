"""DASH's search: one supernet whose weights and alphas learn, together or in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from msgspec.structs import replace
from torch import Tensor, nn
from torch.optim import Optimizer

from kit.base import networks
from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.errors import KitError
from kit.methods.dash.info import DashSearch, DashSettings
from kit.search import (
    AlphaGradients,
    Choices,
    ExponentiatedGradient,
    discretise,
    mixtures,
    supernet,
)
from kit.training import one_shot
from kit.training.loop import Hooks, network_loss
from kit.training.losses import loss
from kit.training.optimisers import eager, make_optimiser

Batches = Callable[[int], Iterator[Batch]]
ORDERS: dict[str, one_shot.Order] = {"single": "together", "bilevel": "architecture-first"}


def search(context: Context, settings: DashSettings) -> Choices:
    """Return the kernel size and dilation of each layer, and finish the stage with them.

    Raises:
        KitError: the folds share samples.
    """
    checkpointer = context.checkpointer("search", settings.search.epochs)
    fold = context.fold("search")
    network = build_supernet(context, settings, fold.first(1).x)
    size, limit = settings.batch_size, batches_per_epoch(fold, settings)

    def batches(epoch: int) -> Iterator[Batch]:
        return fold.shuffled(size, context.spec.seed, "search", epoch, limit=limit)

    weights, architecture = learners(
        network,
        settings.search,
        supernet_loss(context, settings, network, fold),
        batches,
        _others(context, settings, fold) if settings.search.level == "bilevel" else batches,
        limit,
    )
    one_shot.search(
        checkpointer,
        network,
        weights,
        architecture,
        epochs=settings.search.epochs,
        order=ORDERS[settings.search.level],
        warm_start=settings.search.warm_start,
        hold=not settings.speed.cuda_graphs,
        observe=partial(
            observe,
            architecture.parameters,
            simplex=settings.search.alpha_update == "exponentiated-gradient",
        ),
    )
    choices = discretise(network)
    context.finish(checkpointer, architecture=[[name, k, d] for name, (k, d) in choices.items()])
    return choices


def build_backbone(context: NetworkContext, settings: DashSettings) -> nn.Module:
    """Return the backbone before its convolutions are replaced by mixtures."""
    return networks.build(
        context,
        settings.backbone,
        variant="dash",
        width=settings.search.width,
        options=settings.backbone_options,
    )


def build_supernet(context: NetworkContext, settings: DashSettings, sample: Tensor) -> nn.Module:
    """Return the supernet of the run's backbone, with weights that its seed decides."""
    options = settings.search
    return supernet(
        build_backbone(context, settings),
        sample,
        settings.kernel_sizes,
        settings.dilations,
        separable=options.separable,
        gumbel=options.gumbel,
        temperature=options.temperature,
        simplex=options.alpha_update == "exponentiated-gradient",
        method=options.method,
        memory="small" if options.streaming else "fast",
    )


def supernet_loss(
    context: Context, settings: DashSettings, network: nn.Module, fold: Fold
) -> Callable[[Batch], Tensor]:
    """Return the loss of a supernet on the batches of a fold."""
    of_output = loss(settings.loss or context.task.loss)[0]
    together = settings.search.level == "single"
    return network_loss(network, fold, of_output, settings.speed, averaged=together)


def batches_per_epoch(fold: Fold, settings: DashSettings) -> int:
    """Return the number of batches per epoch of the search."""
    batches = fold.batch_count(settings.batch_size)
    return min(batches, int(settings.search.batch_fraction * batches) + 1)


def learners(
    network: nn.Module,
    options: DashSearch,
    of_batch: Callable[[Batch], Tensor],
    batches: Batches,
    others: Batches,
    steps: int | None,
) -> tuple[one_shot.Learner[Batch], one_shot.Learner[Batch]]:
    """Return two learners: a supernet's weights and its alphas, with optimisers by the options.

    Args:
        network: the supernet, trained in place.
        options: the rates, optimisers and updates of both.
        of_batch: the loss of a batch, for weights and alphas.
        batches: returns those of an epoch for the weights, given its number.
        others: returns those for the alphas; a single-level search does not use them.
        steps: of one epoch, for schedules that change the rates within epochs.
    """
    layers = mixtures(network).values()
    alphas = [layer.alpha for layer in layers]
    ids = {id(alpha) for alpha in alphas}
    weights = [weight for weight in network.parameters() if id(weight) not in ids]
    of_alphas: Optimizer
    if options.alpha_update == "exponentiated-gradient":
        of_alphas = eager(ExponentiatedGradient)(alphas, options.alpha_learning_rate)
    else:
        rate = options.alpha_learning_rate
        of_alphas = make_optimiser(
            [{"params": alphas}], replace(options.optimiser, learning_rate=rate)
        )
    gradients = AlphaGradients(
        layers, scale=options.gradient_scale, penalty=options.penalty, field=options.field
    )
    common: dict[str, Any] = {
        "schedule": options.schedule,
        "loss": of_batch,
        "steps": steps,
        "clip": options.clip,
    }
    of_weights = make_optimiser([{"params": weights}], options.optimiser)
    return (
        one_shot.Learner(weights, of_weights, batches=batches, **common),
        one_shot.Learner(
            alphas, of_alphas, batches=others, hooks=Hooks(after_backward=gradients.shape), **common
        ),
    )


def observe(alphas: Sequence[Tensor], *, simplex: bool = False) -> dict[str, Any]:
    """Return the alphas as logits and the mean entropy of the mixtures, for the history.

    Args:
        alphas: of all layers.
        simplex: whether they are the mixing coefficients themselves.
    """
    stacked = torch.stack([alpha.detach() for alpha in alphas])
    if simplex:
        stacked = stacked.log()
    logs = stacked.log_softmax(dim=1)
    entropy = -(logs.exp() * logs).sum(dim=1).mean()
    rows = stacked.cpu().tolist()
    return {
        "entropy": round(float(entropy), 6),
        "alpha": [[round(value, 6) for value in row] for row in rows],
    }


def _others(context: Context, settings: DashSettings, fold: Fold) -> Batches:
    """Return batches of ``search_val`` without end: when it ends, it is shuffled and begun anew.

    Raises:
        KitError: it shares samples with the fold that the weights learn from.
    """
    other = context.fold("search_val")
    if bool(torch.isin(fold.addresses[:, 0], other.addresses[:, 0]).any()):
        raise KitError(
            "a bilevel search needs data that it does not train on, but 'search' holds samples of "
            """'search_val'; use --protocol clean, or -o 'data.roles.search=["train"]'"""
        )
    size, seed = settings.batch_size, context.spec.seed

    def batches(epoch: int) -> Iterator[Batch]:
        return one_shot.endless(lambda turn: other.shuffled(size, seed, "search-val", epoch, turn))

    return batches
