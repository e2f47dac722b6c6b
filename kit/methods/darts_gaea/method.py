"""GAEA PC-DARTS: search, evaluate."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from kit.base import networks
from kit.base.context import Context
from kit.base.method import Method, NetworkContext, Outcome
from kit.data.loading import Batch
from kit.methods.darts_gaea.evaluate import evaluate, final_network
from kit.methods.darts_gaea.info import METHOD, GaeaSettings
from kit.methods.darts_gaea.search import build_supernet, search
from kit.metrics import Prediction
from kit.runs.records import Architecture
from kit.spaces.darts.genotype import Genotype


class Gaea(Method[GaeaSettings]):
    """Two stages, ``search`` and ``evaluate``."""

    def run_stage(self, stage: str, context: Context) -> None:
        """Run one stage."""
        if stage == "search":
            self._search(context)
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

    def supernet(self, context: NetworkContext) -> nn.Module:
        """Return what the search trains, with its first weights."""
        return build_supernet(context, self.settings)

    def outcome(self, context: Context) -> Outcome:
        """Describe the trained network."""
        genotype = self._genotype(context)
        network = final_network(context, self.settings, genotype)
        kind = METHOD.architecture
        assert kind is not None
        architecture = Architecture(
            kind=kind.name, version=kind.version, value=self._found(context)
        )
        return networks.outcome(context, network, architecture)

    def _search(self, context: Context) -> None:
        given = self.settings.architecture
        if given is None:
            search(context, self.settings)
        else:
            value = {"dims": context.task.dims, **Genotype.of(given).value()}
            context.finish(context.checkpointer("search", 0), architecture=value)

    def _genotype(self, context: Context) -> Genotype:
        return Genotype.of(self._found(context))

    def _found(self, context: Context) -> object:
        return context.output("search")["architecture"]
