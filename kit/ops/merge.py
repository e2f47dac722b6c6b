"""Merging: from all candidate kernels and alpha to the few distinct taps that a method needs.

Every kernel entry lands in one tap or more, with a sign, so that merging is a sum of products with
constant matrices S_i, and so are its gradients. No kernel of the common extent is ever built.

    taps = sum_i alpha_i S_i W_i^T
    dW_i = alpha_i dtaps^T S_i        dalpha_i = <W_i, dtaps^T S_i>

For many kernels (dense layers) one small product per candidate beats one large product for all of
them: the kernels need not be gathered into one array, nor their gradients cut out of one, and both
cost more than the products. For few (depthwise layers) the number of calls decides, the other way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from kit.ops.precision import Gradients, backward_pass

FEW = 1 << 17
"""Up to this total number of kernel entries, one product serves all candidates."""


@dataclass(frozen=True, eq=False)
class Merging:
    """Constant matrices S_i, cut down to the rows (taps) that they touch.

    count: number of taps; rows: per candidate the range of taps; shapes: of the S_i, which lie one
    after the other in `flat`; owner: (entries of flat,) the candidate of each.
    """

    count: int
    rows: tuple[slice, ...]
    shapes: tuple[tuple[int, int], ...]
    flat: Tensor
    owner: Tensor

    @classmethod
    def make(cls, matrices: Sequence[Tensor], dtype: torch.dtype, device: torch.device) -> Merging:
        """Return the merging of full matrices (taps, kernel entries), one per candidate."""
        rows, parts, owner = [], [], []
        for index, matrix in enumerate(matrices):
            touched = matrix.any(1).nonzero().flatten().tolist()
            span = slice(touched[0], touched[-1] + 1) if touched else slice(0, 0)
            rows.append(span)
            parts.append(matrix[span])
            owner.append(torch.full((parts[-1].numel(),), index, device="cpu"))
        return cls(
            len(matrices[0]),
            tuple(rows),
            tuple((part.shape[0], part.shape[1]) for part in parts),
            torch.cat([part.flatten() for part in parts]).to(device, dtype),
            torch.cat(owner).to(device),
        )

    def matrices(self, flat: Tensor) -> list[Tensor]:
        """Return the S_i as views of `flat`, which may be a scaled copy of the attribute."""
        parts = flat.split([height * width for height, width in self.shapes])
        return [part.view(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    @cached_property
    def joined(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return all S_i side by side, the candidate of each column, and the latter one-hot."""
        widths = [width for _, width in self.shapes]
        whole = self.flat.new_zeros(self.count, sum(widths))
        for rows, part, matrix in zip(
            self.rows, whole.split(widths, 1), self.matrices(self.flat), strict=True
        ):
            part[rows] = matrix
        columns = torch.repeat_interleave(torch.tensor(widths, device="cpu"))
        one_hot = torch.nn.functional.one_hot(columns, len(widths))
        return whole, columns.to(whole.device), one_hot.to(whole)


class _Merge(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, merging: Merging, alpha: Tensor, *weights: Tensor) -> Tensor:
        pairs = weights[0].shape[0] * weights[0].shape[1]
        taps = alpha.new_zeros(merging.count, pairs)
        scaled = merging.matrices(merging.flat * alpha[merging.owner])
        for rows, matrix, weight in zip(merging.rows, scaled, weights, strict=True):
            taps[rows].addmm_(matrix, weight.reshape(pairs, -1).t())
        ctx.merging = merging
        ctx.save_for_backward(alpha, *weights)
        return taps

    @staticmethod
    @backward_pass
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        alpha, *weights = ctx.saved_tensors
        merging: Merging = ctx.merging
        of_alpha, of_weights = ctx.needs_input_grad[1], any(ctx.needs_input_grad[2:])
        gradients: list[Tensor | None] = [None] * len(weights)
        products = []
        for index, (rows, matrix) in enumerate(
            zip(merging.rows, merging.matrices(merging.flat), strict=True)
        ):
            weight = weights[index]
            product = torch.mm(gradient[rows].t(), matrix)
            if of_alpha:
                products.append(torch.dot(product.flatten(), weight.flatten()))
            if of_weights:
                gradients[index] = product.mul_(alpha[index]).view(weight.shape)
        return None, torch.stack(products) if of_alpha else None, *gradients


class _MergeFew(torch.autograd.Function):
    """The same by one product for all candidates, whose entries (pairs, entries) lie in a row."""

    @staticmethod
    def forward(ctx: Any, merging: Merging, alpha: Tensor, entries: Tensor) -> Tensor:
        whole, columns, _ = merging.joined
        scale = alpha.index_select(0, columns)
        ctx.merging = merging
        ctx.save_for_backward(entries, scale)
        return torch.mm(whole * scale, entries.t())

    @staticmethod
    @backward_pass
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        entries, scale = ctx.saved_tensors
        whole, _, one_hot = ctx.merging.joined
        back = gradient.t() @ whole
        of_alpha = (back * entries).sum(0) @ one_hot if ctx.needs_input_grad[1] else None
        return None, of_alpha, back.mul_(scale)


def merge(merging: Merging, alpha: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """Return the taps into which all candidates merge.

    Args:
        merging: the constant matrices, from ``kit.ops.taps``.
        alpha: (|K||D|,).
        weights: |K||D| tensors (C_out, C_in / groups, k[, k]).

    Returns:
        (taps, C_out C_in / groups).
    """
    if sum(weight.numel() for weight in weights) > FEW:
        return _Merge.apply(merging, alpha, *weights)
    # Concatenated outside of the Function, so that autograd splits the gradient again.
    entries = torch.cat([weight.flatten(2) for weight in weights], 2).flatten(0, 1)
    return _MergeFew.apply(merging, alpha, entries)
