"""TE-NAS: search, evaluate."""

from __future__ import annotations

from torch import nn

from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.methods.darts_gaea.evaluated import GenotypeMethod
from kit.methods.te_nas.info import TeNasSettings
from kit.methods.te_nas.scoring import kernel_network
from kit.methods.te_nas.search import search


class TeNas(GenotypeMethod[TeNasSettings]):
    """Two stages, ``search`` and ``evaluate``."""

    def search(self, context: Context) -> None:
        """Search a genotype without training."""
        search(context, self.settings)

    def supernet(self, context: NetworkContext) -> nn.Module:
        """Return the larger of the two networks that are scored, with torch's initial weights."""
        return kernel_network(context)
