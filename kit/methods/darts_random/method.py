"""darts-random: evaluate."""

from __future__ import annotations

from typing import Any

from torch import nn

from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.base.searched import DrawnNetwork
from kit.methods.darts_gaea.evaluate import evaluate, final_network
from kit.methods.darts_gaea.genotypes import EvaluatedSettings
from kit.methods.darts_random.draw import draw
from kit.spaces.darts.architecture import DartsCells
from kit.spaces.darts.genotype import Genotype


class DartsRandom(DrawnNetwork[EvaluatedSettings]):
    """One stage, ``evaluate``."""

    kind = DartsCells()

    def run_stage(self, stage: str, context: Context) -> None:
        """Train the network of the genotype."""
        if stage != "evaluate":
            raise ValueError(f"there is no stage {stage!r}")
        evaluate(context, self.settings, draw(context.spec.seed))

    def found(self, context: NetworkContext) -> Any:
        """Return the genotype that the seed draws."""
        return {"dims": context.task.dims, **draw(context.spec.seed).value()}

    def build(self, context: NetworkContext, architecture: Any) -> nn.Module:
        """Return the network of a genotype, with its initial weights."""
        return final_network(context, self.settings, Genotype.of(architecture))
