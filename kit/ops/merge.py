"""Merging: from all candidate kernels and alpha to the few distinct taps that a method needs.

Every kernel entry lands in one tap or more, with a sign; merging is therefore a product with a
constant matrix whose columns are scaled by alpha, and so is its gradient. No kernel of the common
extent is ever built.

    taps = (S diag(alpha)) W^T        dW = (dtaps^T S) diag(alpha)
    dalpha_i = <W_i, (dtaps^T S)_i>
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kit.ops.precision import Gradients, backward_pass


FEW = 1 << 16
"""Below this many kernel entries calls cost more than passes over memory do."""


@dataclass(frozen=True, eq=False)
class Group:
    """Candidates that are merged together, with the matrix that does it.

    places: the members as a tensor; matrix: (taps, entries), entries being those of the group's kernels in order; owner:
    (entries,), the candidate of each entry; member: (entries, candidates of the group), one-hot.
    """

    members: tuple[int, ...]
    places: Tensor
    matrix: Tensor
    owner: Tensor
    member: Tensor

    @classmethod
    def make(
        cls, members: Sequence[int], entries: Sequence[int], rows: Sequence[Tensor], like: Tensor
    ) -> Group:
        """Build from the number of entries of each member and their columns of the matrix."""
        owner = torch.repeat_interleave(torch.tensor(members), torch.tensor(entries))
        local = torch.repeat_interleave(torch.arange(len(members)), torch.tensor(entries))
        member = torch.nn.functional.one_hot(local, len(members))
        return cls(
            tuple(members),
            torch.tensor(list(members), device=like.device),
            torch.cat(list(rows), 1).to(like).contiguous(),
            owner.to(like.device),
            member.to(like),
        )


class _Merge(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, groups: tuple[Group, ...], alpha: Tensor, *weights: Tensor) -> Tensor:
        pairs = weights[0].shape[0] * weights[0].shape[1]
        count = sum(group.matrix.shape[0] for group in groups)
        taps = alpha.new_empty(count, pairs)
        start = 0
        for group in groups:
            stop = start + group.matrix.shape[0]
            scaled = group.matrix * alpha[group.owner]
            torch.mm(scaled, _entries(group, weights, pairs).t(), out=taps[start:stop])
            start = stop
        ctx.groups = groups
        ctx.save_for_backward(alpha, *weights)
        return taps

    @staticmethod
    @backward_pass
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        alpha, *weights = ctx.saved_tensors
        pairs = weights[0].shape[0] * weights[0].shape[1]
        wanted = ctx.needs_input_grad[1:]
        found: list[Tensor | None] = [None] * len(weights)
        of_alpha = torch.zeros_like(alpha)
        start = 0
        for group in ctx.groups:
            stop = start + group.matrix.shape[0]
            back = gradient[start:stop].t() @ group.matrix
            start = stop
            parts = back.split([weights[i][0, 0].numel() for i in group.members], 1)
            if back.numel() < FEW:
                if wanted[0]:
                    columns = (back * _entries(group, weights, pairs)).sum(0)
                    of_alpha[group.places] = columns @ group.member
                back *= alpha[group.owner]
                for index, part in zip(group.members, parts, strict=True):
                    found[index] = part.reshape(weights[index].shape)
                continue
            for index, part in zip(group.members, parts, strict=True):
                own = part.reshape(weights[index].shape)
                if wanted[0]:
                    of_alpha[index] = torch.dot(own.flatten(), weights[index].flatten())
                found[index] = own.mul_(alpha[index])
        return None, of_alpha if wanted[0] else None, *found


def _entries(group: Group, weights: Sequence[Tensor], pairs: int) -> Tensor:
    return torch.cat([weights[i].reshape(pairs, -1) for i in group.members], 1)


def merge(groups: tuple[Group, ...], alpha: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """Merged taps.

    Args:
        groups: of the plan; together they hold every candidate once.
        alpha: (|K||D|,).
        weights: |K||D| tensors (C_out, C_in / groups, k[, k]).

    Returns:
        (taps of all groups, C_out C_in / groups), tap first.
    """
    return _Merge.apply(groups, alpha, *weights)  # type: ignore[no-any-return,no-untyped-call]
