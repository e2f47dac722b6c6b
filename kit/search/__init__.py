"""DASH (Shen et al., NeurIPS 2022) for any torch module, usable without the rest of the kit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit import lazy

if TYPE_CHECKING:
    from kit.search.api import Architecture, dash_search
    from kit.search.architecture import Choices, instantiate
    from kit.search.exponentiated import ExponentiatedGradient
    from kit.search.gradients import AlphaGradients
    from kit.search.supernets import discretise, gumbel_softmax, mixtures, supernet

MODULES = {
    "api": ("Architecture", "dash_search"),
    "architecture": ("Choices", "instantiate"),
    "exponentiated": ("ExponentiatedGradient",),
    "gradients": ("AlphaGradients",),
    "supernets": ("discretise", "gumbel_softmax", "mixtures", "supernet"),
}
__all__ = [
    "AlphaGradients",
    "Architecture",
    "Choices",
    "ExponentiatedGradient",
    "dash_search",
    "discretise",
    "gumbel_softmax",
    "instantiate",
    "mixtures",
    "supernet",
]
__getattr__ = lazy.names(__name__, MODULES)
