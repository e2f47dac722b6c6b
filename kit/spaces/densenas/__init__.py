"""DenseNAS: densely connected blocks of several widths per stage (Fang et al., CVPR 2020).

NAS-Bench-360 searches its residual form, with basic blocks of two convolutions of size 3: in 2D, in
2D at constant resolution (``dense``) and in 1D.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit import lazy

if TYPE_CHECKING:
    from kit.spaces.densenas.blocks import Block, Blocks, parse, text
    from kit.spaces.densenas.costs import PathCosts
    from kit.spaces.densenas.decoding import best_path, derive
    from kit.spaces.densenas.graph import Graph
    from kit.spaces.densenas.network import ChainNetwork
    from kit.spaces.densenas.sampling import rescale, sample
    from kit.spaces.densenas.supernet import Supernet
    from kit.spaces.densenas.table import SupernetTable, supernet_table

MODULES = {
    "blocks": ("Block", "Blocks", "parse", "text"),
    "costs": ("PathCosts",),
    "decoding": ("best_path", "derive"),
    "graph": ("Graph",),
    "network": ("ChainNetwork",),
    "sampling": ("rescale", "sample"),
    "supernet": ("Supernet",),
    "table": ("SupernetTable", "supernet_table"),
}
__all__ = [
    "Block",
    "Blocks",
    "ChainNetwork",
    "Graph",
    "PathCosts",
    "Supernet",
    "SupernetTable",
    "best_path",
    "derive",
    "parse",
    "rescale",
    "sample",
    "supernet_table",
    "text",
]
__getattr__ = lazy.names(__name__, MODULES)
