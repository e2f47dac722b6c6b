"""NAS-Bench-201 (Dong and Yang, ICLR 2020), NATS-Bench's topology space: 15,625 cells.

Cells, their numbers, their classes and their costs are available without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit import lazy

if TYPE_CHECKING:
    from kit.spaces.nas_bench_201.architecture import Cell201
    from kit.spaces.nas_bench_201.cell import Cell
    from kit.spaces.nas_bench_201.costs import Counter
    from kit.spaces.nas_bench_201.files import merged, read, write
    from kit.spaces.nas_bench_201.network import CellNetwork
    from kit.spaces.nas_bench_201.supernet import Supernet
    from kit.spaces.nas_bench_201.table import Table

MODULES = {
    "architecture": ("Cell201",),
    "cell": ("Cell",),
    "costs": ("Counter",),
    "files": ("merged", "read", "write"),
    "network": ("CellNetwork",),
    "supernet": ("Supernet",),
    "table": ("Table",),
}
__all__ = [
    "Cell",
    "Cell201",
    "CellNetwork",
    "Counter",
    "Supernet",
    "Table",
    "merged",
    "read",
    "write",
]
__getattr__ = lazy.names(__name__, MODULES)
