"""DARTS's cells (Liu et al. 2019), searched with partial channels (PC-DARTS, Xu et al. 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit import lazy

if TYPE_CHECKING:
    from kit.spaces.darts.api import DartsArchitecture, darts_search, load_genotype
    from kit.spaces.darts.genotype import Genotype
    from kit.spaces.darts.mixture import Mixtures
    from kit.spaces.darts.network import DartsNetwork
    from kit.spaces.darts.supernet import DartsSupernet

MODULES = {
    "api": ("DartsArchitecture", "darts_search", "load_genotype"),
    "genotype": ("Genotype",),
    "mixture": ("Mixtures",),
    "network": ("DartsNetwork",),
    "supernet": ("DartsSupernet",),
}
__all__ = [
    "DartsArchitecture",
    "DartsNetwork",
    "DartsSupernet",
    "Genotype",
    "Mixtures",
    "darts_search",
    "load_genotype",
]
__getattr__ = lazy.names(__name__, MODULES)
