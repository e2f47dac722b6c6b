"""The base class of methods that find a chain of blocks and train it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from torch import nn

from kit.base import networks
from kit.base.context import Context
from kit.base.fit import fit
from kit.base.method import NetworkContext
from kit.base.searched import SearchedThenTrained
from kit.data.folds import Fold
from kit.methods.densenas.info import DenseNasSettings
from kit.methods.densenas.rates import annealing
from kit.seeding import key
from kit.spaces.densenas import Block, Blocks, ChainNetwork, parse
from kit.training.checkpointer import Checkpointer
from kit.training.loop import Hooks
from kit.training.optimisers import make_optimiser

S = TypeVar("S", bound=DenseNasSettings)


class ChainMethod(SearchedThenTrained[S]):
    """Two stages: ``search``, which finds an architecture, and ``evaluate``, which trains it."""

    kind = Blocks()

    @abstractmethod
    def find(
        self, context: Context, checkpointer: Checkpointer
    ) -> tuple[Sequence[Block], dict[str, Any]]:
        """Return the blocks that the search finds, and more entries of its stage's output."""

    def search(self, context: Context) -> None:
        """Find the blocks, and finish the stage with their entries."""
        checkpointer = context.checkpointer("search", self.settings.search.epochs)
        blocks, more = self.find(context, checkpointer)
        context.finish(checkpointer, architecture=[block.entry for block in blocks], **more)

    def as_found(self, context: Context, given: Any) -> Any:
        """Return a given chain as the entries of its blocks."""
        del context
        return [block.entry for block in parse(given)]

    def evaluate(self, context: Context, architecture: Any) -> None:
        """Train the network of the blocks, and finish the stage."""
        network = self.build(context, architecture)
        checkpointer = context.checkpointer("evaluate", self.settings.epochs)
        train(context, checkpointer, network, context.fold("final_fit"), self.settings)
        networks.save(context, network)
        context.finish(checkpointer)

    def build(self, context: NetworkContext, architecture: Any) -> nn.Module:
        """Return the network of a chain of blocks, with its initial weights."""
        return build_network(context, self.settings, parse(architecture))


def build_network(
    context: NetworkContext, settings: DenseNasSettings, blocks: Sequence[Block]
) -> ChainNetwork:
    """Return the network of an architecture on the run's device, initialised by its seed."""
    torch.manual_seed(key(context.spec.seed, "network"))
    network = ChainNetwork(
        blocks,
        context.input_shape,
        context.task.outputs,
        dense=context.task.dense,
        pad=settings.pad,
    )
    return network.to(context.device)


def train(
    context: Context,
    checkpointer: Checkpointer,
    network: nn.Module,
    fold: Fold,
    settings: DenseNasSettings,
    *,
    scheduled: int | None = None,
) -> None:
    """Train a network on a fold by the settings.

    Args:
        context: of the run.
        checkpointer: of a stage, or of a trial.
        network: trained in place.
        fold: to train on.
        settings: epochs, batch size and optimiser among them.
        scheduled: epochs of the rates' cosine; None for the number that is trained.
    """
    optimiser = make_optimiser([{"params": list(network.parameters())}], settings.optimiser)
    epochs = settings.epochs if scheduled is None else scheduled
    set_rate = annealing(optimiser, settings.floor, len(fold), settings.batch_size, epochs)
    fit(
        context,
        checkpointer,
        network,
        fold,
        settings,
        speed=settings.speed,
        optimiser=optimiser,
        hooks=Hooks(before_step=set_rate),
    )
