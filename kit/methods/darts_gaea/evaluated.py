"""The base class of methods that search a genotype and train its network."""

from __future__ import annotations

from typing import Any, TypeVar

from torch import nn

from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.base.searched import SearchedThenTrained
from kit.methods.darts_gaea.evaluate import evaluate, final_network
from kit.methods.darts_gaea.genotypes import GenotypeSettings
from kit.spaces.darts.architecture import DartsCells
from kit.spaces.darts.genotype import Genotype

S = TypeVar("S", bound=GenotypeSettings)


class GenotypeMethod(SearchedThenTrained[S]):
    """Two stages, ``search`` and ``evaluate``."""

    kind = DartsCells()

    def as_found(self, context: Context, given: Any) -> Any:
        """Return a given genotype as JSON, with the dimensions of the task."""
        return {"dims": context.task.dims, **Genotype.of(given).value()}

    def evaluate(self, context: Context, architecture: Any) -> None:
        """Train the network of a genotype, and finish the stage."""
        evaluate(context, self.settings, Genotype.of(architecture))

    def build(self, context: NetworkContext, architecture: Any) -> nn.Module:
        """Return the network of a genotype, with its initial weights."""
        return final_network(context, self.settings, Genotype.of(architecture))
