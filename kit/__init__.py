"""A reproducibility kit for DASH and NAS-Bench-360."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit import lazy

if TYPE_CHECKING:
    from kit.search.api import Architecture, dash_search
    from kit.spaces.darts.api import darts_search

__version__ = "0.1.0"
__all__ = ["Architecture", "__version__", "darts_search", "dash_search"]

__getattr__ = lazy.names(
    __name__,
    {"search.api": ("Architecture", "dash_search"), "spaces.darts.api": ("darts_search",)},
)
