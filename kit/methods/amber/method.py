"""AMBER: search, evaluate."""

from __future__ import annotations

from typing import Any

from torch import nn

from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.base.searched import SearchedThenTrained
from kit.methods.amber.evaluate import build, evaluate
from kit.methods.amber.info import KIND, AmberSettings
from kit.methods.amber.search import Search, build_child
from kit.spaces.amber import LayeredNetwork, from_tokens


class Amber(SearchedThenTrained[AmberSettings]):
    """Two stages, ``search`` and ``evaluate``."""

    kind = KIND

    def supernet(self, context: NetworkContext) -> nn.Module:
        """Return the network of the weights that children share; it is the largest child."""
        return build_child(context, self.settings)

    def search(self, context: Context) -> None:
        """Sample and score children, and finish the stage with the best one."""
        search = Search(context, self.settings)
        checkpointer = context.checkpointer("search", len(search.plan))
        search.run(checkpointer)
        best = search.children.best()
        context.finish(
            checkpointer,
            architecture=from_tokens(search.children.tokens[best]),
            child=best,
            reward=search.children.rewards[best],
            children=len(search.children.rewards),
        )

    def as_found(self, context: Context, given: Any) -> Any:
        """Return given layers unchanged, if their network can be built."""
        self.build(context, given)
        return given

    def evaluate(self, context: Context, architecture: Any) -> None:
        """Train the network of the layers, and finish the stage."""
        evaluate(context, self.settings, architecture)

    def build(self, context: NetworkContext, architecture: Any) -> LayeredNetwork:
        """Return the network of layers, with its initial weights."""
        return build(context, self.settings, architecture)
