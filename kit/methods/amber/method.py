"""AMBER: search, evaluate."""

from __future__ import annotations

from typing import Any

from torch import nn

from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.base.searched import SearchedNetwork
from kit.methods.amber.evaluate import build, evaluate
from kit.methods.amber.info import KIND, AmberSettings
from kit.methods.amber.search import Search, build_child
from kit.spaces.amber import LayeredNetwork, from_tokens


class Amber(SearchedNetwork[AmberSettings]):
    """Two stages, ``search`` and ``evaluate``."""

    kind = KIND

    def run_stage(self, stage: str, context: Context) -> None:
        """Run one stage."""
        if stage == "search":
            self._search(context)
        elif stage == "evaluate":
            evaluate(context, self.settings, self.found(context))
        else:
            raise ValueError(f"there is no stage {stage!r}")

    def supernet(self, context: NetworkContext) -> nn.Module:
        """Return the network of the weights that children share; it is the largest child."""
        return build_child(context, self.settings)

    def _search(self, context: Context) -> None:
        given = self.settings.architecture
        if given is not None:
            self.build(context, given)  # raises an error if it cannot be built
            context.finish(context.checkpointer("search", 0), architecture=given)
            return
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

    def build(self, context: NetworkContext, architecture: Any) -> LayeredNetwork:
        """Return the network of layers, with its initial weights."""
        return build(context, self.settings, architecture)
