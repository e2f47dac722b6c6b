"""dash-random and dash-uniform: tune, retrain."""

from __future__ import annotations

from torch import nn

from kit.base.method import NetworkContext
from kit.methods.dash.tune import final_network
from kit.methods.dash.tuned import TunedNetwork
from kit.methods.dash_random import draw
from kit.methods.dash_random.info import DashRandomSettings
from kit.search import Choices


class DashRandom(TunedNetwork[DashRandomSettings]):
    """Two stages, ``tune`` and ``retrain``; the seed chooses the layers."""

    def choices(self, context: NetworkContext) -> Choices:
        """Return each layer's kernel size and dilation, drawn by the seed."""
        return draw.choices(context, self.settings)

    def network(self, context: NetworkContext) -> nn.Module:
        """Return the network that is tuned, with its initial weights."""
        return final_network(context, self.settings, self.choices(context), 0.0)
