"""The ways to compute an AggConv, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from kit.ops.dft import dft_matmul
from kit.ops.dilation import dilation
from kit.ops.fourier import fourier
from kit.ops.mixed import mixed_results, mixed_weights
from kit.ops.phases import phases
from kit.ops.plan import ConvShape
from kit.ops.released import released
from kit.ops.toeplitz import toeplitz

Method = Callable[[Tensor, Sequence[Tensor], Tensor, ConvShape, str], Tensor]

METHODS: dict[str, Method] = {
    "mixed-results": mixed_results,
    "mixed-weights": mixed_weights,
    "released": released,
    "dilation": dilation,
    "fourier": fourier,
    "dft-matmul": dft_matmul,
    "phases": phases,
    "toeplitz": toeplitz,
}
CHOOSERS = ("auto", "autotune")
"""Names that stand for one of the methods, chosen by a rule or by timing."""
DIRECT = ("mixed-results", "mixed-weights", "dilation")
"""Methods without a transform, which take any number of groups."""
