"""Auto-DeepLab's space: a cell, and its path through levels of resolution (Liu et al. 2019).

Usable with torch alone; what architectures are (``kind``, ``decoding``) is told without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit import lazy

if TYPE_CHECKING:
    from kit.spaces.auto_deeplab.decoding import decode
    from kit.spaces.auto_deeplab.kind import Trellis
    from kit.spaces.auto_deeplab.network import TrellisNetwork
    from kit.spaces.auto_deeplab.supernet import TrellisSupernet

MODULES = {
    "decoding": ("decode",),
    "kind": ("Trellis",),
    "network": ("TrellisNetwork",),
    "supernet": ("TrellisSupernet",),
}
__all__ = ["Trellis", "TrellisNetwork", "TrellisSupernet", "decode"]
__getattr__ = lazy.names(__name__, MODULES)
