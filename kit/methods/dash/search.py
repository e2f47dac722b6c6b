"""DASH's search: one supernet whose weights and alphas learn together (released code)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor, nn

from kit.base import networks
from kit.base.context import Context
from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.methods.dash.info import DashSettings
from kit.methods.dash.updates import Pair, Updates, alone, check_apart, paired
from kit.search import Choices, discretise, supernet
from kit.training.loop import network_loss, train
from kit.training.losses import loss


def search(context: Context, settings: DashSettings) -> Choices:
    """Return the kernel size and dilation of each layer, and finish the stage with them.

    Raises:
        KitError: the folds share samples.
    """
    checkpointer = context.checkpointer("search", settings.search.epochs)
    fold = context.fold("search")
    network = build_supernet(context, settings, fold.first(1).x)
    of_output = loss(settings.loss or context.task.loss)[0]
    the_loss = network_loss(network, fold, of_output, settings.speed)
    updates = Updates(network, settings.search, the_loss)
    draw = _draw(context, settings, fold)

    def batches(epoch: int) -> Iterator[Pair]:
        updates.begin_epoch(epoch)
        return draw(epoch)

    train(
        checkpointer,
        network,
        updates.of_weights,
        settings.search.schedule,
        epochs=settings.search.epochs,
        batches=batches,
        loss=updates.loss,
        steps=batches_per_epoch(fold, settings),
        extra_optimisers=[updates.of_alphas],
        after_backward=updates.after_backward,
        observe=updates.observe,
    )
    choices = discretise(network)
    context.finish(checkpointer, architecture=[[name, k, d] for name, (k, d) in choices.items()])
    return choices


def build_supernet(context: Context, settings: DashSettings, sample: Tensor) -> nn.Module:
    """Return the supernet of the run's backbone, with weights that its seed decides."""
    options = settings.search
    backbone = networks.build(
        context,
        settings.backbone,
        variant="dash",
        width=options.width,
        options=settings.backbone_options,
    )
    return supernet(
        backbone,
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


def batches_per_epoch(fold: Fold, settings: DashSettings) -> int:
    """Return how many of an epoch's batches the search sees."""
    batches = fold.batch_count(settings.batch_size)
    return min(batches, int(settings.search.batch_fraction * batches) + 1)


def _draw(context: Context, settings: DashSettings, fold: Fold) -> Callable[[int], Iterator[Pair]]:
    """Return what draws the batches of an epoch, in an order that the run's seed decides."""
    size, limit = settings.batch_size, batches_per_epoch(fold, settings)

    def first(epoch: int) -> Iterator[Batch]:
        return fold.shuffled(size, context.spec.seed, "search", epoch, limit=limit)

    if settings.search.level == "single":
        return lambda epoch: alone(first(epoch))
    other = context.fold("search_val")
    check_apart(fold, other)

    def second(epoch: int) -> Callable[[int], Iterator[Batch]]:
        return lambda turn: other.shuffled(size, context.spec.seed, "search-val", epoch, turn)

    return lambda epoch: paired(first(epoch), second(epoch))
