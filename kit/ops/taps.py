"""Which taps a method works on, and the groups that merge the candidates into them.

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

from kit.ops.merge import Group
from kit.ops.plan import Candidate, Setting, candidates, live_taps


@dataclass(frozen=True, eq=False)
class DistinctTaps:
    """positions: (taps,) index of each tap in the flattened transform grid, at minus its offset."""

    groups: tuple[Group, ...]
    positions: Tensor
    offsets: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Fold:
    """Folded taps of one group: |offsets| per axis; sums include offset 0, differences do not."""

    even: tuple[tuple[int, ...], ...]
    odd: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class FoldedTaps:
    """Folded taps; per group the parity classes follow each other as in `parities`."""

    groups: tuple[Group, ...]
    folds: tuple[Fold, ...]


@dataclass(frozen=True)
class Dilated:
    """A merged kernel: dilation, and per axis its number of taps and its first offset."""

    dilation: int
    sizes: tuple[int, ...]
    first: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class DilatedTaps:
    """Merged kernels, one per group; those that reach no data have no taps."""

    groups: tuple[Group, ...]
    kernels: tuple[Dilated, ...]


def parities(axes: int) -> tuple[tuple[int, ...], ...]:
    """Parity classes of folded taps in order: 0 even, 1 odd, per axis."""
    return tuple(product((0, 1), repeat=axes))


@lru_cache(maxsize=64)
def distinct_taps(setting: Setting, dtype: torch.dtype, device: torch.device) -> DistinctTaps:
    """One group with a tap per distinct offset that reaches data."""
    found = candidates(setting.kernel_sizes, setting.dilations)
    slots: dict[tuple[int, ...], int] = {}
    for candidate in found:
        for offsets in product(*(_live(candidate, n) for n in setting.sizes)):
            slots.setdefault(offsets, len(slots))
    columns = []
    for candidate in found:
        part = torch.zeros(len(slots), candidate.kernel_size ** len(setting.sizes))
        for entry, offsets in enumerate(product(candidate.offsets, repeat=len(setting.sizes))):
            if offsets in slots:
                part[slots[offsets], entry] = 1.0
        columns.append(part)
    positions = torch.zeros(len(slots), dtype=torch.long)
    for offsets, slot in slots.items():
        place = 0
        for offset, length in zip(offsets, setting.lengths, strict=True):
            place = place * length + (-offset) % length
        positions[slot] = place
    like = torch.empty(0, dtype=dtype, device=device)
    group = Group.make(range(len(found)), [c.shape[1] for c in columns], columns, like)
    return DistinctTaps((group,), positions.to(device), tuple(slots))


@lru_cache(maxsize=64)
def folded_taps(setting: Setting, dtype: torch.dtype, device: torch.device) -> FoldedTaps:
    """Folded taps: one group for one axis; one group per dilation for two, which keeps the sets
    of row and column offsets independent of each other.
    """
    axes = len(setting.sizes)
    found = list(enumerate(candidates(setting.kernel_sizes, setting.dilations)))
    keys = sorted(set(setting.dilations)) if axes > 1 else [0]
    groups, folds = [], []
    like = torch.empty(0, dtype=dtype, device=device)
    for key in keys:
        chosen = [(i, c) for i, c in found if axes == 1 or c.dilation == key]
        even = [
            tuple(sorted({abs(o) for _, c in chosen for o in _live(c, n)})) for n in setting.sizes
        ]
        fold = Fold(tuple(even), tuple(tuple(u for u in axis if u) for axis in even))
        columns = [_fold_matrix(candidate, fold, setting.sizes) for _, candidate in chosen]
        entries = [column.shape[1] for column in columns]
        groups.append(Group.make([i for i, _ in chosen], entries, columns, like))
        folds.append(fold)
    return FoldedTaps(tuple(groups), tuple(folds))


@lru_cache(maxsize=64)
def dilated_taps(setting: Setting, dtype: torch.dtype, device: torch.device) -> DilatedTaps:
    """All kernel sizes of one dilation nest in one kernel (of one phase, where sizes are even)."""
    found = list(enumerate(candidates(setting.kernel_sizes, setting.dilations)))
    like = torch.empty(0, dtype=dtype, device=device)
    groups, kernels = [], []
    for dilation, phase in sorted({(c.dilation, c.first % c.dilation) for _, c in found}):
        chosen = [
            (i, c) for i, c in found if (c.dilation, c.first % c.dilation) == (dilation, phase)
        ]
        spans: list[range] = []
        for n in setting.sizes:
            live = [o for _, c in chosen for o in _live(c, n)]
            spans.append(range(min(live), max(live) + 1, dilation) if live else range(0))
        slots = {offsets: slot for slot, offsets in enumerate(product(*spans))}
        columns = []
        for _, candidate in chosen:
            part = torch.zeros(len(slots), candidate.kernel_size ** len(spans))
            for entry, offsets in enumerate(product(candidate.offsets, repeat=len(spans))):
                if offsets in slots:
                    part[slots[offsets], entry] = 1.0
            columns.append(part)
        entries = [column.shape[1] for column in columns]
        groups.append(Group.make([i for i, _ in chosen], entries, columns, like))
        first = tuple(span.start for span in spans)
        kernels.append(Dilated(dilation, tuple(len(span) for span in spans), first))
    return DilatedTaps(tuple(groups), tuple(kernels))


def _live(candidate: Candidate, n: int) -> list[int]:
    return [candidate.offsets[j] for j in live_taps(candidate, n)]


def _fold_matrix(candidate: Candidate, fold: Fold, sizes: tuple[int, ...]) -> Tensor:
    """(folded taps, entries of the candidate) with 0, 1 and -1."""
    per_axis: list[tuple[Tensor, Tensor]] = []
    for axis, n in enumerate(sizes):
        parts = []
        for odd, slots in enumerate((fold.even[axis], fold.odd[axis])):
            part = torch.zeros(len(slots), candidate.kernel_size)
            for j in live_taps(candidate, n):
                offset = candidate.offsets[j]
                if abs(offset) in slots:
                    part[slots.index(abs(offset)), j] = -1.0 if odd and offset < 0 else 1.0
            parts.append(part)
        per_axis.append((parts[0], parts[1]))
    blocks = []
    for classes in parities(len(sizes)):
        block = per_axis[0][classes[0]]
        for axis in range(1, len(sizes)):
            block = torch.kron(block, per_axis[axis][classes[axis]])
        blocks.append(block)
    return torch.cat(blocks, 0)
