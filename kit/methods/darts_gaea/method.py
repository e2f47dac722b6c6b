"""GAEA PC-DARTS: search, evaluate."""

from __future__ import annotations

from torch import nn

from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.methods.darts_gaea.evaluated import GenotypeMethod
from kit.methods.darts_gaea.info import GaeaSettings
from kit.methods.darts_gaea.search import build_supernet, search


class Gaea(GenotypeMethod[GaeaSettings]):
    """Two stages, ``search`` and ``evaluate``."""

    def search(self, context: Context) -> None:
        """Search a genotype with a supernet."""
        search(context, self.settings)

    def supernet(self, context: NetworkContext) -> nn.Module:
        """Return the supernet that the search trains, with its initial weights."""
        return build_supernet(context, self.settings)
