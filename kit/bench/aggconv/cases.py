"""Layer shapes that AggConv is timed on, and what they cost by the paper's formulas."""

from __future__ import annotations

import dataclasses

from kit.ops import costs
from kit.ops.phase_plan import serves
from kit.ops.plan import ConvShape

K_2D, K_1D, DILATIONS = (3, 5, 7, 9), (3, 7, 11, 15, 19), (1, 3, 7, 15)


@dataclasses.dataclass(frozen=True)
class AggConvCase:
    """A layer shape; depthwise means groups = channels = outputs."""

    name: str
    batch: int
    channels: int
    outputs: int
    sizes: tuple[int, ...]
    depthwise: bool = False
    kernel_sizes: tuple[int, ...] = K_2D
    dilations: tuple[int, ...] = DILATIONS
    stride: int = 1

    @property
    def groups(self) -> int:
        """Groups of the convolution."""
        return self.channels if self.depthwise else 1


def _case(name: str, batch: int, channels: int, outputs: int, *sizes: int) -> AggConvCase:
    kernel_sizes = K_2D if len(sizes) == 2 else K_1D
    return AggConvCase(name, batch, channels, outputs, sizes, " depthwise " in name, kernel_sizes)


CASES = (
    _case("2D depthwise (16,16,32²)", 16, 16, 16, 32, 32),
    _case("2D dense (16,16,32²)→32", 16, 16, 32, 32, 32),
    _case("2D depthwise (16,64,8²)", 16, 64, 64, 8, 8),
    _case("2D depthwise (2,16,128²)", 2, 16, 16, 128, 128),
    _case("2D dense (2,16,128²)→32", 2, 16, 32, 128, 128),
    _case("1D depthwise (8,64,1000)", 8, 64, 64, 1000),
    _case("1D dense (8,64,1000)→64", 8, 64, 64, 1000),
    _case("1D dense (32,64,46)→128", 32, 64, 128, 46),
    _case("1D depthwise (32,128,46)", 32, 128, 128, 46),
)
"""The shapes of the speed and memory table in docs/kernel.md."""

LITE_CASES = (
    _case("lite 2D depthwise (10,16,29²)", 10, 16, 16, 29, 29),
    _case("lite 2D depthwise (10,32,29²)", 10, 32, 32, 29, 29),
    _case("lite 2D depthwise (10,64,29²)", 10, 64, 64, 29, 29),
    _case("lite 2D dense (10,16,29²)→32", 10, 16, 32, 29, 29),
    _case("lite 2D dense (10,32,29²)→64", 10, 32, 64, 29, 29),
)
"""Layers of the CPU-sized Darcy supernet."""

DARCY_CASES = (
    _case("Darcy 2D dense (2,3,85²)→16", 2, 3, 16, 85, 85),
    _case("Darcy 2D dense (2,16,85²)→32", 2, 16, 32, 85, 85),
    _case("Darcy 2D dense (2,32,85²)→64", 2, 32, 64, 85, 85),
)
"""The dense layers of the supernet that `kit bench search` times."""


def supports(case: AggConvCase, method: str) -> bool:
    """Tell whether a method can compute a case."""
    if method == "phases":
        sizes, dilations = case.kernel_sizes, case.dilations
        return serves(ConvShape(case.sizes, sizes, dilations, case.stride, case.groups))
    return method != "toeplitz" or (case.depthwise and len(case.sizes) == 1)


def multiply_adds(case: AggConvCase, method: str) -> float | None:
    """Return the multiply-adds of a forward pass by the paper's formulas; None without one."""
    if method not in costs.COSTS:
        return None
    return costs.multiply_adds(
        method,
        case.batch,
        case.channels,
        case.outputs,
        case.sizes,
        case.kernel_sizes,
        case.dilations,
        case.groups,
    )
