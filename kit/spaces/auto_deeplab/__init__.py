"""Auto-DeepLab's space: a cell, and its path through levels of resolution (Liu et al. 2019).

Usable with torch alone; what architectures are (``kind``, ``decoding``) is told without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kit.spaces.auto_deeplab.decoding import decode
    from kit.spaces.auto_deeplab.kind import Trellis
    from kit.spaces.auto_deeplab.network import TrellisNetwork
    from kit.spaces.auto_deeplab.supernet import TrellisSupernet

MODULES = {
    "decode": "decoding",
    "Trellis": "kind",
    "TrellisNetwork": "network",
    "TrellisSupernet": "supernet",
}
__all__ = ["Trellis", "TrellisNetwork", "TrellisSupernet", "decode"]


def __getattr__(name: str) -> Any:
    """Import a part when it is asked for."""
    if name in MODULES:
        return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
