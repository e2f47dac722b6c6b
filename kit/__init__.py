"""A reproducibility kit for DASH and NAS-Bench-360."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kit.search.api import Architecture, dash_search
    from kit.spaces.darts.api import darts_search

__version__ = "0.1.0"
__all__ = ["Architecture", "__version__", "darts_search", "dash_search"]


def __getattr__(name: str) -> Any:
    """Import a search when it is asked for: it needs torch, and most of the kit does not."""
    if name in ("Architecture", "dash_search"):
        from kit.search import api

        return getattr(api, name)
    if name == "darts_search":
        from kit.spaces.darts.api import darts_search

        return darts_search
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
