"""Auto-DeepLab: search, evaluate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from kit.base import networks
from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.base.searched import SearchedThenTrained
from kit.data.loading import Batch
from kit.methods.auto_deeplab.evaluate import evaluate, final_network, tested
from kit.methods.auto_deeplab.info import AutoDeepLabSettings
from kit.methods.auto_deeplab.search import build_supernet, search
from kit.metrics import Prediction
from kit.spaces.auto_deeplab.kind import Trellis


class AutoDeepLab(SearchedThenTrained[AutoDeepLabSettings]):
    """Two stages, ``search`` and ``evaluate``."""

    kind = Trellis()

    def search(self, context: Context) -> None:
        """Search a path and a cell with a supernet."""
        search(context, self.settings)

    def as_found(self, context: Context, given: Any) -> Any:
        """Return a given path and cell as JSON."""
        del context
        return dict(given)

    def evaluate(self, context: Context, architecture: Any) -> None:
        """Train the network of a path and a cell, and finish the stage."""
        evaluate(context, self.settings, architecture)

    def predictor(self, context: Context) -> Callable[[Batch], Prediction]:
        """Return the trained network as a function, with the settings' test mode."""
        as_tested = tested(context, self.settings, self.trained(context))
        return networks.predictor(context, as_tested, context.fold("test"), self.settings.loss)

    def build(self, context: NetworkContext, architecture: Any) -> nn.Module:
        """Return the network of a path and a cell, with its initial weights."""
        return final_network(context, self.settings, architecture)

    def supernet(self, context: NetworkContext) -> nn.Module:
        """Return the supernet that the search trains, with its initial weights."""
        return build_supernet(context, self.settings)
