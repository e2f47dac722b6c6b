"""DenseNAS: search, then the training of the network that was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.methods.densenas.found import ChainMethod
from kit.methods.densenas.info import DenseNasSettings
from kit.methods.densenas.search import build_supernet, search
from kit.spaces.densenas import Block
from kit.training.checkpointer import Checkpointer


class DenseNas(ChainMethod[DenseNasSettings]):
    """Two stages, ``search`` and ``evaluate``."""

    def find(
        self, context: Context, checkpointer: Checkpointer
    ) -> tuple[Sequence[Block], dict[str, Any]]:
        """Search in the supernet."""
        return search(context, checkpointer, self.settings), {}

    def supernet(self, context: NetworkContext) -> nn.Module:
        """Return the supernet that the search trains, with its initial weights."""
        return build_supernet(context, self.settings)
