"""perceiver-io: train, score."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from kit.data.loading import Batch
from kit.methods import networks
from kit.methods.context import Context, Outcome
from kit.methods.expert import recipe
from kit.methods.perceiver_io.info import PerceiverSettings
from kit.methods.perceiver_io.model import Perceiver
from kit.metrics import Prediction
from kit.seeding import key


class Stages:
    """The one stage of Perceiver IO."""

    def __init__(self, settings: PerceiverSettings) -> None:
        self.settings = settings

    def run_stage(self, stage: str, context: Context) -> None:
        """Train the network."""
        network = self.network(context)
        progress = context.stage(stage, self.settings.epochs)
        recipe.fit(context, progress, network, self.settings)
        networks.save(context, network)
        context.finish(progress)

    def predictor(self, context: Context) -> Callable[[Batch], Prediction]:
        """Return the trained network as a function."""
        network = self.trained(context)
        return networks.predictor(context, network, context.fold("test"), self.settings.loss)

    def trained(self, context: Context) -> nn.Module:
        """Return the network with its final weights."""
        return networks.load(context, self.network(context))

    def outcome(self, context: Context) -> Outcome:
        """Describe the network."""
        return networks.outcome(context, self.network(context))

    def network(self, context: Context) -> nn.Module:
        """Return the network, with its first weights."""
        settings = self.settings
        torch.manual_seed(key(context.spec.seed, "network"))
        network = Perceiver(
            context.input_shape,
            context.task.outputs,
            dense=context.task.kind == "dense",
            per_position=settings.decoder == "query-per-position",
            latents=settings.latents,
            channels=settings.channels,
            layers=settings.layers,
            self_attentions=settings.self_attentions,
            heads=settings.heads,
            bands=settings.bands,
        )
        return network.to(context.device)
