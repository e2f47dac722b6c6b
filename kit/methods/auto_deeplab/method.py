"""Auto-DeepLab: search, evaluate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from kit.base import networks
from kit.base.context import Context
from kit.base.method import Method, NetworkContext, Outcome
from kit.data.loading import Batch
from kit.methods.auto_deeplab.evaluate import evaluate, final_network, tested
from kit.methods.auto_deeplab.info import AutoDeepLabSettings
from kit.methods.auto_deeplab.search import build_supernet, search
from kit.metrics import Prediction
from kit.runs.records import ArchitectureRecord
from kit.spaces.auto_deeplab.kind import Trellis


class AutoDeepLab(Method[AutoDeepLabSettings]):
    """Two stages, ``search`` and ``evaluate``."""

    def run_stage(self, stage: str, context: Context) -> None:
        """Run one stage."""
        if stage == "search":
            self._search(context)
        elif stage == "evaluate":
            evaluate(context, self.settings, self._found(context))
        else:
            raise ValueError(f"there is no stage {stage!r}")

    def predictor(self, context: Context) -> Callable[[Batch], Prediction]:
        """Return the trained network as a function, tested as the settings have it."""
        as_tested = tested(context, self.settings, self.trained(context))
        return networks.predictor(context, as_tested, context.fold("test"), self.settings.loss)

    def trained(self, context: Context) -> nn.Module:
        """Return the network of the architecture with its final weights."""
        network = final_network(context, self.settings, self._found(context))
        return networks.load(context, network)

    def network(self, context: NetworkContext) -> nn.Module | None:
        """Return the network of a given architecture; None where one is searched."""
        given = self.settings.architecture
        return None if given is None else final_network(context, self.settings, given)

    def supernet(self, context: NetworkContext) -> nn.Module:
        """Return what the search trains, with its first weights."""
        return build_supernet(context, self.settings)

    def outcome(self, context: Context) -> Outcome:
        """Describe the trained network."""
        found = self._found(context)
        network = final_network(context, self.settings, found)
        architecture = ArchitectureRecord(kind=Trellis.name, version=Trellis.version, value=found)
        return networks.outcome(context, network, architecture)

    def _search(self, context: Context) -> None:
        given = self.settings.architecture
        if given is None:
            search(context, self.settings)
        else:
            context.finish(context.checkpointer("search", 0), architecture=dict(given))

    def _found(self, context: Context) -> dict[str, Any]:
        found: dict[str, Any] = context.output("search")["architecture"]
        return found
