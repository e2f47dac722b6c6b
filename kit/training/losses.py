"""Losses by name: what a network predicts, in original units, against a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from kit.data.loading import Batch
from kit.errors import unknown

Loss = Callable[[Tensor, Batch], Tensor]
Kind = Literal["logits", "field"]


def cross_entropy(output: Tensor, batch: Batch) -> Tensor:
    """Mean cross entropy of logits (batch, classes) with labels (batch,)."""
    return F.cross_entropy(output, batch.y)


def bce(output: Tensor, batch: Batch) -> Tensor:
    """Mean binary cross entropy of logits with 0/1 labels of the same shape."""
    return F.binary_cross_entropy_with_logits(output, batch.y.to(output.dtype))


def mse(output: Tensor, batch: Batch) -> Tensor:
    """Mean squared error."""
    return F.mse_loss(output, batch.y)


def relative_l2(output: Tensor, batch: Batch) -> Tensor:
    """Sum over the batch of ||output - y|| / ||y|| (both papers train Darcy Flow on it)."""
    truth = batch.y.flatten(1)
    error = output.flatten(1) - truth
    return (error.norm(dim=1) / truth.norm(dim=1)).sum()


LOSSES: dict[str, tuple[Loss, Kind]] = {
    "cross-entropy": (cross_entropy, "logits"),
    "bce": (bce, "logits"),
    "mse": (mse, "field"),
    "relative-l2": (relative_l2, "field"),
}


def loss(name: str) -> tuple[Loss, Kind]:
    """Return a loss and what the network's output means under it.

    Raises:
        KitError: there is none of that name.
    """
    if name not in LOSSES:
        raise unknown("loss", name, LOSSES)
    return LOSSES[name]
