"""DASH's search for any torch module, usable without the rest of the kit."""

from kit.search.api import Architecture, dash_search
from kit.search.architecture import Choices, instantiate
from kit.search.exponentiated import ExponentiatedGradient
from kit.search.gradients import AlphaGradients
from kit.search.supernet import discretise, gumbel_softmax, mixtures, supernet

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
