"""Where the taps of an AggConv lie, which of them can touch data, and how long a transform must be.

Offsets: tap j of candidate (k, d) reads x[t + first + d * j] for output position t. The candidates
are centred in the common extent Dbar = max d (k - 1) + 1 (DASH, section 3.1), whose centre is tap
(Dbar - 1) // 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class ConvShape:
    """Sizes and options of an AggConv, without its values: the key of its plan."""

    sizes: tuple[int, ...]
    kernel_sizes: tuple[int, ...]
    dilations: tuple[int, ...]
    stride: int
    groups: int

    @property
    def lengths(self) -> tuple[int, ...]:
        """Transform length of every axis."""
        return tuple(transform_length(n, self.kernel_sizes, self.dilations) for n in self.sizes)

    @property
    def outputs(self) -> tuple[int, ...]:
        """Size of the result on every axis."""
        return tuple(-(-n // self.stride) for n in self.sizes)


@dataclass(frozen=True)
class Candidate:
    """One (kernel size, dilation) pair of the mixture; `first` is the offset of its first tap."""

    kernel_size: int
    dilation: int
    first: int

    @property
    def offsets(self) -> tuple[int, ...]:
        """Offsets of all taps along one axis, ascending."""
        return tuple(self.first + self.dilation * j for j in range(self.kernel_size))

    @property
    def padding(self) -> tuple[int, int]:
        """Zeros that a direct convolution needs on the left and on the right."""
        return -self.first, self.first + self.dilation * (self.kernel_size - 1)


def extent(kernel_sizes: Sequence[int], dilations: Sequence[int]) -> int:
    """Common extent Dbar: the largest d (k - 1) + 1 over all candidates."""
    return max(dilations) * (max(kernel_sizes) - 1) + 1


@lru_cache(maxsize=256)
def candidates(kernel_sizes: tuple[int, ...], dilations: tuple[int, ...]) -> tuple[Candidate, ...]:
    """All candidates in kernel-major order: index = position of k * |D| + position of d."""
    common = extent(kernel_sizes, dilations)
    centre = (common - 1) // 2
    result = []
    for k in kernel_sizes:
        for d in dilations:
            left = (common - d * (k - 1) - 1) // 2
            result.append(Candidate(k, d, left - centre))
    return tuple(result)


def live_taps(candidate: Candidate, n: int) -> range:
    """Taps j of a candidate that reach data on an axis of length n: those with |offset| < n."""
    d, first = candidate.dilation, candidate.first
    start = max(0, -((n - 1 + first) // d))  # smallest j with first + d j > -n
    stop = min(candidate.kernel_size, (n - 1 - first) // d + 1)
    return range(start, max(start, stop))


def reach(n: int, kernel_sizes: Sequence[int], dilations: Sequence[int]) -> int:
    """Largest |offset| among the taps that reach data on an axis of length n."""
    farthest = 0
    for candidate in candidates(tuple(kernel_sizes), tuple(dilations)):
        for j in live_taps(candidate, n):
            farthest = max(farthest, abs(candidate.first + candidate.dilation * j))
    return farthest


@lru_cache(maxsize=1024)
def good_length(minimum: int, multiple: int = 2) -> int:
    """Smallest 2^a 3^b 5^c >= `minimum` divisible by `multiple`; FFTs of such lengths are fast."""
    length = max(1, -(-minimum // multiple)) * multiple
    while True:
        rest = length
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += multiple


@lru_cache(maxsize=1024)
def transform_length(
    n: int, kernel_sizes: tuple[int, ...], dilations: tuple[int, ...], multiple: int = 2
) -> int:
    """Transform length for n positions of input and output; `multiple` is an even number.

    n + reach is enough: what wraps around from either end lands on zeros, or on outputs that are
    cropped. The released code pads by Dbar - 1 instead.
    """
    return good_length(n + reach(n, kernel_sizes, dilations), multiple)
