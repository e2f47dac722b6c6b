"""The base class of methods that search a genotype and train its network."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, TypeVar

from torch import nn

from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.base.searched import SearchedNetwork
from kit.methods.darts_gaea.evaluate import evaluate, final_network
from kit.methods.darts_gaea.genotypes import GenotypeSettings
from kit.spaces.darts.architecture import DartsCells
from kit.spaces.darts.genotype import Genotype

S = TypeVar("S", bound=GenotypeSettings)


class GenotypeMethod(SearchedNetwork[S]):
    """Two stages, ``search`` and ``evaluate``."""

    kind = DartsCells()

    @abstractmethod
    def search(self, context: Context) -> None:
        """Search a genotype, and finish the stage with its value as ``architecture``."""

    def run_stage(self, stage: str, context: Context) -> None:
        """Run one stage; a given genotype takes the search's place."""
        given = self.settings.architecture
        if stage == "search" and given is None:
            self.search(context)
        elif stage == "search":
            value = {"dims": context.task.dims, **Genotype.of(given).value()}
            context.finish(context.checkpointer("search", 0), architecture=value)
        elif stage == "evaluate":
            evaluate(context, self.settings, Genotype.of(self.found(context)))
        else:
            raise ValueError(f"there is no stage {stage!r}")

    def build(self, context: NetworkContext, architecture: Any) -> nn.Module:
        """Return the network of a genotype, with its initial weights."""
        return final_network(context, self.settings, Genotype.of(architecture))
