"""Which taps a method works on, and how the candidates merge into them.

Three layouts, for one axis or two:

- distinct: one tap per distinct reachable offset (depthwise methods; few channels, many planes);
- folded: sums and differences of the taps at +u and -u, so that the spectrum needs cosines of the
  sums and sines of the differences alone: half the products (dense methods);
- dilated: per dilation, the taps of a common dilated kernel (direct convolution).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import torch
from torch import Tensor

from kit.ops.merge import Merging
from kit.ops.plan import Candidate, ConvShape, candidates, live_taps


@dataclass(frozen=True, eq=False)
class DistinctTaps:
    """One tap per distinct offset; offsets: (taps, axes), on the CPU."""

    merging: Merging
    offsets: Tensor


@dataclass(frozen=True, eq=False)
class FoldedTaps:
    """Folded taps, dilation by dilation; offsets: |offsets| of each, per axis.

    One axis: sum and difference alternate (a difference at offset 0 is zero). Two axes: four blocks
    (rows, columns) of sums of sums, sums of differences, differences of sums and of differences,
    the rows named first, and without differences at offset 0.
    """

    merging: Merging
    offsets: tuple[tuple[tuple[int, ...], ...], ...]


@dataclass(frozen=True)
class Dilated:
    """A merged kernel: dilation, and per axis its number of taps and its first offset."""

    dilation: int
    sizes: tuple[int, ...]
    first: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class DilatedTaps:
    """Merged kernels one after the other; those that reach no data have no taps."""

    merging: Merging
    kernels: tuple[Dilated, ...]


@lru_cache(maxsize=64)
def distinct_taps(conv: ConvShape, dtype: torch.dtype, device: torch.device) -> DistinctTaps:
    """Return one tap per distinct offset that reaches data."""
    axes = len(conv.sizes)
    mixture = candidates(conv.kernel_sizes, conv.dilations)
    slots: dict[tuple[int, ...], int] = {}
    for candidate in mixture:
        for place in product(*(_live(candidate, n) for n in conv.sizes)):
            slots.setdefault(place, len(slots))
    matrices = [_placement(candidate, slots, len(slots), axes) for candidate in mixture]
    offsets = torch.tensor(tuple(slots), dtype=torch.long, device="cpu").view(-1, axes)
    return DistinctTaps(Merging.make(matrices, dtype, device), offsets)


@lru_cache(maxsize=64)
def folded_taps(conv: ConvShape, dtype: torch.dtype, device: torch.device) -> FoldedTaps:
    """Return folded taps: per dilation, every row offset with every column offset."""
    mixture = candidates(conv.kernel_sizes, conv.dilations)
    placed: dict[int, tuple[int, Tensor]] = {}
    offsets, count = [], 0
    for dilation in sorted(set(conv.dilations)):
        chosen = [(i, c) for i, c in enumerate(mixture) if c.dilation == dilation]
        slots = tuple(
            tuple(sorted({abs(o) for _, c in chosen for o in _live(c, n)})) for n in conv.sizes
        )
        offsets.append(slots)
        blocks = {index: _fold(candidate, slots, conv.sizes) for index, candidate in chosen}
        placed |= {index: (count, block) for index, block in blocks.items()}
        count += len(blocks[chosen[0][0]])  # blocks of one dilation have equally many rows
    matrices = []
    for index in range(len(mixture)):
        start, block = placed[index]
        full = torch.zeros(count, block.shape[1], device="cpu")
        full[start : start + len(block)] = block
        matrices.append(full)
    return FoldedTaps(Merging.make(matrices, dtype, device), tuple(offsets))


@lru_cache(maxsize=64)
def dilated_taps(conv: ConvShape, dtype: torch.dtype, device: torch.device) -> DilatedTaps:
    """Return one kernel per dilation, into which those of all sizes fit.

    Where sizes are even, one per dilation and phase: the remainder of offsets by the dilation.
    """
    mixture = candidates(conv.kernel_sizes, conv.dilations)
    places: list[dict[tuple[int, ...], int]] = [{} for _ in mixture]
    kernels, count = [], 0
    for dilation, phase in sorted({(c.dilation, c.first % c.dilation) for c in mixture}):
        chosen = [
            i
            for i, c in enumerate(mixture)
            if (c.dilation, c.first % dilation) == (dilation, phase)
        ]
        spans: list[range] = []
        for n in conv.sizes:
            live = [o for i in chosen for o in _live(mixture[i], n)]
            spans.append(range(min(live), max(live) + 1, dilation) if live else range(0))
        slots = {offsets: count + slot for slot, offsets in enumerate(product(*spans))}
        for index in chosen:
            places[index] = slots
        count += len(slots)
        first = tuple(span.start for span in spans)
        kernels.append(Dilated(dilation, tuple(len(span) for span in spans), first))
    matrices = [
        _placement(candidate, slots, count, len(conv.sizes))
        for candidate, slots in zip(mixture, places, strict=True)
    ]
    return DilatedTaps(Merging.make(matrices, dtype, device), tuple(kernels))


def _live(candidate: Candidate, n: int) -> list[int]:
    """Return the offsets of a candidate that reach data on an axis of length n."""
    return [candidate.offsets[j] for j in live_taps(candidate, n)]


def _placement(
    candidate: Candidate, slots: dict[tuple[int, ...], int], count: int, axes: int
) -> Tensor:
    """Return a matrix (count, kernel entries): 1 where an entry lands in a slot, else 0."""
    matrix = torch.zeros(count, candidate.kernel_size**axes, device="cpu")
    for entry, offsets in enumerate(product(candidate.offsets, repeat=axes)):
        if offsets in slots:
            matrix[slots[offsets], entry] = 1.0
    return matrix


def _fold(
    candidate: Candidate, slots: tuple[tuple[int, ...], ...], sizes: tuple[int, ...]
) -> Tensor:
    """Return a matrix (folded taps of a dilation, kernel entries) of 0, 1 and -1."""
    axes: list[tuple[Tensor, Tensor]] = []
    for places, n in zip(slots, sizes, strict=True):
        sums = torch.zeros(len(places), candidate.kernel_size, device="cpu")
        differences = torch.zeros(len(places), candidate.kernel_size, device="cpu")
        for j in live_taps(candidate, n):
            offset = candidate.offsets[j]
            place = places.index(abs(offset))
            sums[place, j] = 1.0
            differences[place, j] = float((offset > 0) - (offset < 0))
        axes.append((sums, differences))
    if len(axes) == 1:
        return torch.stack(axes[0], 1).flatten(0, 1)
    for axis, places in enumerate(slots):
        differing = torch.tensor([offset > 0 for offset in places], dtype=torch.bool, device="cpu")
        axes[axis] = axes[axis][0], axes[axis][1][differing]
    return torch.cat([torch.kron(row, column) for row in axes[0] for column in axes[1]])
