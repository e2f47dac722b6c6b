"""Auto-DeepLab's space: a cell, and a path of cells through levels of resolution (Liu et al. 2019).

Of third-party packages, the networks need torch alone; ``kind`` and ``decoding`` do not need it.
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
