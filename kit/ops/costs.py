"""Asymptotic costs of a forward pass (DASH, Table 1 and appendix A.2), for one axis or two.

The paper counts one input of one axis and gives the transforms as O(n log n); here n is the number
of positions, kernel sizes count k^axes, a transform of n points counts n log2 n multiplications and
as many additions, and everything that a batch repeats is repeated. The kernel is transformed once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from kit.ops.phase_plan import best, serves
from kit.ops.plan import ConvShape, extent, transform_length


@dataclass(frozen=True)
class Shape:
    """One AggConv: batch, channels, outputs (C_out), sizes (n per axis), K, D, groups."""

    batch: int
    channels: int
    outputs: int
    sizes: tuple[int, ...]
    kernel_sizes: tuple[int, ...]
    dilations: tuple[int, ...]
    groups: int = 1

    @property
    def positions(self) -> int:
        """Number of positions of the input, n."""
        return math.prod(self.sizes)

    @property
    def pairs(self) -> int:
        """Kernels per candidate: C_in C_out / groups."""
        return self.channels * self.outputs // self.groups

    @property
    def candidates(self) -> int:
        """|K||D|."""
        return len(self.kernel_sizes) * len(self.dilations)

    @property
    def entries(self) -> int:
        """Kbar: entries of all candidate kernels of one pair of channels."""
        return len(self.dilations) * sum(k ** len(self.sizes) for k in self.kernel_sizes)

    @property
    def extent(self) -> int:
        """Dbar^axes: entries of a kernel of the common extent."""
        return int(extent(self.kernel_sizes, self.dilations) ** len(self.sizes))


@dataclass(frozen=True)
class Cost:
    """Operations of one forward pass over a batch."""

    multiplications: float
    additions: float

    @property
    def multiply_adds(self) -> float:
        """Pairs of one multiplication and one addition: the larger of the two counts."""
        return max(self.multiplications, self.additions)


def mixed_results(shape: Shape) -> Cost:
    """One convolution per candidate, then the weighted sum."""
    work = shape.pairs * shape.entries + shape.outputs * shape.candidates
    return Cost(shape.batch * shape.positions * work, shape.batch * shape.positions * work)


def mixed_weights(shape: Shape) -> Cost:
    """Scale, pad and sum the kernels, then one convolution with Dbar^axes entries."""
    convolution = shape.batch * shape.positions * shape.pairs * shape.extent
    return Cost(
        shape.pairs * shape.entries + convolution,
        shape.pairs * shape.candidates * shape.extent + convolution,
    )


def released(shape: Shape) -> Cost:
    """The paper's DASH at the transform length n + Dbar - 1 per axis of the released code."""
    common = extent(shape.kernel_sizes, shape.dilations)
    points = math.prod(n + common - 1 for n in shape.sizes)
    padding = shape.pairs * shape.candidates * shape.extent
    return _spectral(shape, points, padding)


def fourier(shape: Shape) -> Cost:
    """The paper's DASH at the shortest exact length, the kernels merged without padding."""
    points = math.prod(
        transform_length(n, shape.kernel_sizes, shape.dilations) for n in shape.sizes
    )
    return _spectral(shape, points, shape.pairs * shape.entries)


def dilation(shape: Shape) -> Cost:
    """One convolution per dilation with the largest kernel size."""
    taps = len(shape.dilations) * max(shape.kernel_sizes) ** len(shape.sizes)
    work = shape.pairs * (shape.entries + shape.batch * shape.positions * taps)
    return Cost(work, work)


def dft_matmul(shape: Shape) -> Cost:
    """Transforms as real matrix products, axis after axis, to half a spectrum."""
    lengths = [transform_length(n, shape.kernel_sizes, shape.dilations) for n in shape.sizes]
    half = [*lengths[:-1], lengths[-1] // 2 + 1]
    plane = 2 * half[0] * math.prod(shape.sizes)
    if len(lengths) == 2:
        plane += 4 * math.prod(half) * shape.sizes[1]
    taps = len(shape.dilations) * max(shape.kernel_sizes)
    response = math.prod(half) * taps
    if len(lengths) == 2:
        response += math.prod(half) * taps + half[0] * taps * max(shape.kernel_sizes)
    work = shape.batch * (shape.channels + shape.outputs) * plane
    work += shape.pairs * (shape.entries + response + 4 * shape.batch * math.prod(half))
    return Cost(work, work)


def phases(shape: Shape) -> Cost:
    """The parts that `kit.ops.phase_plan` would choose, each on all of its phases."""
    conv = ConvShape(shape.sizes, shape.kernel_sizes, shape.dilations, 1, shape.groups)
    if not serves(conv):
        return dft_matmul(shape)
    work = 0.0
    for part in best(conv, shape.batch, shape.channels, shape.outputs)[0]:
        batch, phase = shape.batch * part.factor**2, part.conv
        work += dft_matmul(
            replace(shape, batch=batch, sizes=phase.sizes, dilations=phase.dilations)
        ).multiply_adds
    return Cost(work, work)


def toeplitz(shape: Shape) -> Cost:
    """One n by n matrix per channel."""
    work = shape.pairs * (shape.entries + shape.batch * shape.positions**2)
    return Cost(work, work)


def _spectral(shape: Shape, points: int, merging: int) -> Cost:
    planes = shape.pairs + shape.batch * (shape.channels + shape.outputs)
    transforms = planes * points * math.log2(points)
    product = shape.batch * shape.pairs * points
    return Cost(shape.pairs * shape.entries + transforms + product, merging + transforms + product)


COSTS: dict[str, Callable[[Shape], Cost]] = {
    "mixed-results": mixed_results,
    "mixed-weights": mixed_weights,
    "released": released,
    "dilation": dilation,
    "fourier": fourier,
    "dft-matmul": dft_matmul,
    "phases": phases,
    "toeplitz": toeplitz,
}


def multiply_adds(
    method: str,
    batch: int,
    channels: int,
    outputs: int,
    sizes: Sequence[int],
    kernel_sizes: Sequence[int],
    dilations: Sequence[int],
    groups: int = 1,
) -> float:
    """Multiply-adds of one forward pass.

    Raises:
        ValueError: a method without a cost.
    """
    if method not in COSTS:
        raise ValueError(f"no cost for method {method!r}; there are {', '.join(COSTS)}")
    shape = Shape(
        batch, channels, outputs, tuple(sizes), tuple(kernel_sizes), tuple(dilations), groups
    )
    return COSTS[method](shape).multiply_adds
