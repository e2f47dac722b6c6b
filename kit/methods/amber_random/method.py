"""amber-random: evaluate."""

from __future__ import annotations

from typing import Any

from torch import nn

from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.base.searched import DrawnNetwork
from kit.methods.amber.evaluate import build, evaluate
from kit.methods.amber.info import KIND, AmberNetworkSettings
from kit.methods.amber_random.draw import draw


class AmberRandom(DrawnNetwork[AmberNetworkSettings]):
    """One stage, ``evaluate``."""

    kind = KIND

    def run_stage(self, stage: str, context: Context) -> None:
        """Train the network of the layers."""
        if stage != "evaluate":
            raise ValueError(f"there is no stage {stage!r}")
        evaluate(context, self.settings, self.found(context))

    def found(self, context: NetworkContext) -> Any:
        """Return the layers drawn by the seed."""
        return draw(self.settings.layers, context.spec.seed)

    def build(self, context: NetworkContext, architecture: Any) -> nn.Module:
        """Return the network of layers, with its initial weights."""
        return build(context, self.settings, architecture)
