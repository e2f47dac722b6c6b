"""DASH: search, tune, retrain."""

from __future__ import annotations

import torch
from torch import nn

from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.methods.dash.info import DashSettings
from kit.methods.dash.search import build_supernet, search
from kit.methods.dash.tune import final_network
from kit.methods.dash.tuned import TunedNetwork
from kit.search import Choices


class Dash(TunedNetwork[DashSettings]):
    """Three stages, ``search``, ``tune`` and ``retrain``."""

    def run_stage(self, stage: str, context: Context) -> None:
        """Run one stage; a given architecture takes the search's place."""
        given = self.settings.architecture
        if stage != "search":
            super().run_stage(stage, context)
        elif given is None:
            search(context, self.settings)
        else:
            # Raises an error if the architecture does not fit the backbone.
            final_network(context, self.settings, dict(given), 0.0)
            layers = [[name, k, d] for name, (k, d) in given.items()]
            context.finish(context.checkpointer("search", 0), architecture=layers)

    def choices(self, context: Context) -> Choices:
        """Return the kernel size and dilation of each layer, from the search's output."""
        layers = context.output("search")["architecture"]
        return {name: (int(k), int(d)) for name, k, d in layers}

    def supernet(self, context: NetworkContext) -> nn.Module:
        """Return the supernet that the search trains, with its initial weights."""
        sample = torch.empty(1, *context.input_shape, device=context.device)
        return build_supernet(context, self.settings, sample)
