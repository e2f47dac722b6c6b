"""AMBER's space: networks for sequences with skip connections, and the controller of its search.

Each of twelve layers is one of seven operations on the output of the previous layer, to which the
outputs of any earlier layers are added (Pham et al. 2018, ENAS; Zhang et al. 2021, AMBER;
NAS-Bench-360, appendix D). After three of the layers, the channels are doubled and the positions
reduced to a quarter. Architectures are available without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit import lazy
from kit.spaces.amber.layers import LAYERS, Layers
from kit.spaces.amber.tokens import (
    OPERATIONS,
    Layer,
    boundaries,
    from_tokens,
    positions,
    to_tokens,
    token_count,
)

if TYPE_CHECKING:
    from kit.spaces.amber.controller import Controller, Decisions
    from kit.spaces.amber.network import LayeredNetwork, child, final_network

MODULES = {
    "controller": ("Controller", "Decisions"),
    "network": ("LayeredNetwork", "child", "final_network"),
}
__all__ = [
    "LAYERS",
    "OPERATIONS",
    "Controller",
    "Decisions",
    "Layer",
    "LayeredNetwork",
    "Layers",
    "boundaries",
    "child",
    "final_network",
    "from_tokens",
    "positions",
    "to_tokens",
    "token_count",
]
__getattr__ = lazy.names(__name__, MODULES)
