"""perceiver-io: trains one network."""

from __future__ import annotations

import torch
from torch import nn

from kit.base import networks
from kit.base.context import Context
from kit.base.fit import fit
from kit.base.method import NetworkContext
from kit.methods.perceiver_io.info import PerceiverSettings
from kit.methods.perceiver_io.model import Perceiver
from kit.seeding import key


class PerceiverIo(networks.OneNetwork[PerceiverSettings]):
    """One stage, ``train``."""

    def run_stage(self, stage: str, context: Context) -> None:
        """Train the network."""
        network = self.network(context)
        checkpointer = context.checkpointer(stage, self.settings.epochs)
        fit(context, checkpointer, network, context.fold("final_fit"), self.settings)
        networks.save(context, network)
        context.finish(checkpointer)

    def network(self, context: NetworkContext) -> nn.Module:
        """Return the network, with its initial weights."""
        settings = self.settings
        torch.manual_seed(key(context.spec.seed, "network"))
        network = Perceiver(
            context.input_shape,
            context.task.outputs,
            dense=context.task.dense,
            per_position=settings.decoder == "query-per-position",
            latents=settings.latents,
            channels=settings.channels,
            layers=settings.layers,
            self_attentions=settings.self_attentions,
            heads=settings.heads,
            bands=settings.bands,
        )
        return network.to(context.device)
