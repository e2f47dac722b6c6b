"""Methods that search a genotype and train its network: all but the search."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TypeVar

from torch import nn

from kit.base import networks
from kit.base.context import Context
from kit.base.method import Method, NetworkContext, Outcome
from kit.data.loading import Batch
from kit.methods.darts_gaea.evaluate import evaluate, final_network
from kit.methods.darts_gaea.genotypes import GenotypeSettings
from kit.metrics import Prediction
from kit.runs.records import Architecture
from kit.spaces.darts.architecture import DartsCells
from kit.spaces.darts.genotype import Genotype

S = TypeVar("S", bound=GenotypeSettings)


class GenotypeMethod(Method[S]):
    """Two stages, ``search`` and ``evaluate``."""

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
            evaluate(context, self.settings, self._genotype(context))
        else:
            raise ValueError(f"there is no stage {stage!r}")

    def predictor(self, context: Context) -> Callable[[Batch], Prediction]:
        """Return the trained network as a function."""
        network = self.trained(context)
        return networks.predictor(context, network, context.fold("test"), self.settings.loss)

    def trained(self, context: Context) -> nn.Module:
        """Return the network of the genotype with its final weights."""
        network = final_network(context, self.settings, self._genotype(context))
        return networks.load(context, network)

    def network(self, context: NetworkContext) -> nn.Module | None:
        """Return the network of a given genotype; None where one is searched."""
        given = self.settings.architecture
        return None if given is None else final_network(context, self.settings, Genotype.of(given))

    def outcome(self, context: Context) -> Outcome:
        """Describe the trained network."""
        network = final_network(context, self.settings, self._genotype(context))
        architecture = Architecture(
            kind=DartsCells.name, version=DartsCells.version, value=self._found(context)
        )
        return networks.outcome(context, network, architecture)

    def _genotype(self, context: Context) -> Genotype:
        return Genotype.of(self._found(context))

    def _found(self, context: Context) -> object:
        return context.output("search")["architecture"]
