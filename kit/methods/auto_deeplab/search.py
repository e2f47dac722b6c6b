"""The search: a step of the weights, then one of alphas and betas, in turn (first-order DARTS)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from kit.base.context import Context
from kit.base.fit import mean_loss
from kit.base.method import NetworkContext
from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.methods.auto_deeplab.fitted import Fitted
from kit.methods.auto_deeplab.info import AutoDeepLabSettings
from kit.methods.auto_deeplab.rates import annealed, setter
from kit.seeding import key
from kit.settings import Schedule, Validation
from kit.spaces.auto_deeplab.decoding import decode
from kit.spaces.auto_deeplab.supernet import TrellisSupernet
from kit.training import one_shot
from kit.training.loop import Hooks, network_loss
from kit.training.losses import loss
from kit.training.monitor import Monitor
from kit.training.optimisers import make_optimiser

CONSTANT = Schedule()


def search(context: Context, settings: AutoDeepLabSettings) -> dict[str, Any]:
    """Return the architecture of the best epoch of the search, and finish the stage with it."""
    options = settings.search
    checkpointer = context.checkpointer("search", options.epochs)
    network = build_supernet(context, settings)
    supernet = network.network
    fold, architecture_fold = context.fold("search"), context.fold(options.architecture_on)
    size, seed = options.batch_size, context.spec.seed
    # Incomplete batches are left out.
    steps = max(1, len(fold) // size)

    def batches(epoch: int) -> Iterator[Batch]:
        return fold.shuffled(size, seed, "search", epoch, limit=steps)

    def architecture_batches(epoch: int) -> Iterator[Batch]:
        # Each step begins a new pass, so that samples may be repeated soon.
        return one_shot.endless(
            lambda turn: architecture_fold.shuffled(
                size, seed, "architecture", epoch, turn, limit=1
            )
        )

    loss_function = loss(settings.loss or context.task.loss)[0]
    batch_loss = network_loss(network, fold, loss_function, settings.speed, averaged=False)
    sgd = make_optimiser([{"params": supernet.weights}], options.optimiser)
    rate = partial(
        annealed,
        options.optimiser.learning_rate,
        options.lowest_rate,
        steps=steps * options.epochs,
    )
    monitor, before_epoch = _monitor(context, settings, network, sgd, fold)
    architecture = supernet.architecture_parameters
    one_shot.search(
        checkpointer,
        network,
        one_shot.Learner(
            supernet.weights,
            sgd,
            CONSTANT,
            batch_loss,
            batches=batches,
            hooks=Hooks(before_epoch=before_epoch, before_step=setter(sgd, rate, steps)),
        ),
        one_shot.Learner(
            architecture,
            make_optimiser([{"params": architecture}], options.architecture),
            CONSTANT,
            batch_loss,
            batches=architecture_batches,
        ),
        epochs=options.epochs,
        order="weights-first",
        warm_start=options.warm_start,
        hold=not settings.speed.cuda_graphs,
        monitor=monitor,
        observe=partial(observe, supernet),
    )
    result = decode(
        supernet.alphas.tolist(), supernet.betas.tolist(), allow_none=options.allow_none
    )
    context.finish(checkpointer, architecture=result)
    return result


def build_supernet(
    context: NetworkContext, settings: AutoDeepLabSettings
) -> Fitted[TrellisSupernet]:
    """Return the supernet of a run, with weights that its seed decides."""
    options = settings.search
    torch.manual_seed(key(context.spec.seed, "supernet"))
    supernet = TrellisSupernet(
        context.input_shape[0],
        context.task.outputs,
        filters=options.filters,
        layers=options.layers,
        steps=options.steps,
        layer_1_beta=options.layer_1_beta,
    )
    network = Fitted(supernet, settings.multiple, swap_axes=settings.swap_axes)
    return network.to(context.device)


@torch.no_grad()
def observe(supernet: TrellisSupernet) -> dict[str, Any]:
    """Return alphas, betas and the mean entropy of the mixtures on edges, for the history."""
    logs = supernet.alphas.log_softmax(1)
    entropy = -(logs.exp() * logs).sum(1).mean()
    return {
        "entropy": round(float(entropy), 6),
        "alpha": [[round(value, 6) for value in row] for row in supernet.alphas.tolist()],
        "beta": [
            [round(value, 6) for value in level]
            for layer in supernet.betas.tolist()
            for level in layer
        ],
    }


def _monitor(
    context: Context,
    settings: AutoDeepLabSettings,
    network: Fitted[TrellisSupernet],
    sgd: torch.optim.Optimizer,
    fold: Fold,
) -> tuple[Monitor, Callable[[int], None]]:
    """Return a monitor that keeps the best epoch, and a hook that tells it the current epoch.

    Epochs are scored on samples that are normalised as ``fold``, from which the weights learn.
    """
    options = settings.search
    held_out = context.fold("tune_val").normalised_as(fold)
    current = 0

    def before_epoch(epoch: int) -> None:
        nonlocal current
        current = epoch

    def score() -> float:
        if options.choice == "searched" and current < options.warm_start:
            return math.inf
        name = options.validation_loss or settings.loss
        return mean_loss(context, network, held_out, name, options.batch_size)

    keep = Validation(role="tune_val", keep="best")
    return Monitor(network, sgd, CONSTANT, keep, score), before_epoch
