"""Losses by name: what a network predicts, in original units, against a batch.

A loss may have parameters: ``bce:pos-weight=4`` is ``bce`` with ``pos_weight=4.0``, and
``scaled-mse:scale=2/30`` has a number for each output.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from kit.data.loading import Batch
from kit.errors import KitError
from kit.settings.loss_names import Numbers, parse

Loss = Callable[[Tensor, Batch], Tensor]
Kind = Literal["logits", "field"]


def cross_entropy(output: Tensor, batch: Batch) -> Tensor:
    """Mean cross entropy of logits (batch, classes, *spatial) with labels (batch, *spatial)."""
    return F.cross_entropy(output, batch.y.long())


def focal(output: Tensor, batch: Batch, *, gamma: float = 2.0, alpha: float = 1.0) -> Tensor:
    """Mean of -alpha (1 - p)^gamma log p, p the probability of the true class (Lin et al. 2017).

    Logits (batch, classes, *spatial) with labels (batch, *spatial); with gamma 0 and
    alpha 1, the cross entropy.
    """
    log_p = F.log_softmax(output, dim=1).gather(1, batch.y.long()[:, None]).squeeze(1)
    # 1 - p without the loss of digits near p = 1; its power has no gradient at 0 below gamma 1.
    missed = (-log_p.expm1()).clamp(min=1e-12)
    return -(alpha * missed**gamma * log_p).mean()


def bce(output: Tensor, batch: Batch, *, pos_weight: float = 1.0) -> Tensor:
    """Mean binary cross entropy of logits with 0/1 labels of the same shape.

    Args:
        output: logits.
        batch: its ``y`` are the labels.
        pos_weight: weight of the positive labels.
    """
    weight = _constant(pos_weight, output.dtype, output.device) if pos_weight != 1.0 else None
    truth = batch.y.to(output.dtype)
    return F.binary_cross_entropy_with_logits(output, truth, pos_weight=weight)


def masked_bce(output: Tensor, batch: Batch, *, pos_weight: float = 1.0) -> Tensor:
    """Mean of ``bce`` over the positions that count; zero if none does."""
    weight = _constant(pos_weight, output.dtype, output.device)
    truth, counted = batch.y.to(output.dtype), _mask(output, batch)
    each = F.binary_cross_entropy_with_logits(output, truth, pos_weight=weight, reduction="none")
    return (each * counted).sum() / counted.sum().clamp(min=1)


def zeroed_bce(output: Tensor, batch: Batch) -> Tensor:
    """``bce`` of logits and labels that are set to zero where the mask is (released code).

    Each ignored position adds log 2 and counts in the mean; the gradient is that of ``masked_bce``
    times the share of positions that count.
    """
    counted = _mask(output, batch)
    truth = batch.y.to(output.dtype) * counted
    return F.binary_cross_entropy_with_logits(output * counted, truth)


def mse(output: Tensor, batch: Batch) -> Tensor:
    """Mean squared error."""
    return F.mse_loss(output, batch.y)


def mae(output: Tensor, batch: Batch) -> Tensor:
    """Mean absolute error."""
    return F.l1_loss(output, batch.y)


def scaled_mse(output: Tensor, batch: Batch, *, scale: Numbers = 1.0) -> Tensor:
    """Mean squared error of numbers divided by a scale.

    Args:
        output: numbers (batch, outputs, *spatial).
        batch: its ``y`` are the true numbers.
        scale: divides the errors: one number, or one per output, such as the standard deviations
            of the targets, so that the loss does not depend on units.
    """
    return F.mse_loss(*_scaled(output, batch, scale))


def scaled_mae(output: Tensor, batch: Batch, *, scale: Numbers = 1.0) -> Tensor:
    """Mean absolute error of numbers divided by a scale; see ``scaled_mse``."""
    return F.l1_loss(*_scaled(output, batch, scale))


def pinball(output: Tensor, batch: Batch, *, quantile: float = 0.5, scale: Numbers = 1.0) -> Tensor:
    """Mean pinball loss, which the quantile of the answers minimises (Koenker and Bassett 1978).

    Args:
        output: numbers (batch, outputs, *spatial).
        batch: its ``y`` are the true numbers.
        quantile: between 0 and 1; at one half it is half the mean absolute error.
        scale: see ``scaled_mse``.
    """
    predicted, truth = _scaled(output, batch, scale)
    missed = truth - predicted
    return torch.maximum(quantile * missed, (quantile - 1) * missed).mean()


def log_cosh(output: Tensor, batch: Batch) -> Tensor:
    """Mean of log cosh of the error: half its square near zero, its size less log 2 far away."""
    error = output - batch.y
    # log cosh e = e + log(1 + exp(-2 e)) - log 2, which does not overflow.
    return (error + F.softplus(-2 * error) - math.log(2)).mean()


def relative_l2(output: Tensor, batch: Batch) -> Tensor:
    """Sum over the batch of ||output - y|| / ||y|| (both papers train Darcy Flow on it)."""
    truth = batch.y.flatten(1)
    error = output.flatten(1) - truth
    return (error.norm(dim=1) / truth.norm(dim=1)).sum()


def weight(function: object, samples: int) -> int:
    """Return the factor that turns a batch's loss into a sum over its samples.

    It is 1 for ``relative_l2``, which is such a sum already.
    """
    return 1 if function is relative_l2 else samples


LOSSES: dict[str, tuple[Callable[..., Tensor], Kind]] = {
    "cross-entropy": (cross_entropy, "logits"),
    "focal": (focal, "logits"),
    "bce": (bce, "logits"),
    "masked-bce": (masked_bce, "logits"),
    "zeroed-bce": (zeroed_bce, "logits"),
    "mse": (mse, "field"),
    "mae": (mae, "field"),
    "scaled-mse": (scaled_mse, "field"),
    "scaled-mae": (scaled_mae, "field"),
    "pinball": (pinball, "field"),
    "log-cosh": (log_cosh, "field"),
    "relative-l2": (relative_l2, "field"),
}


def loss(name: str) -> tuple[Loss, Kind]:
    """Return a loss and what the network's output means under it.

    Args:
        name: of the loss, then its parameters if any: ``focal:gamma=3,alpha=6``.

    Raises:
        KitError: as ``kit.settings.loss_names.parse``.
    """
    base, options = parse(name)
    function, kind = LOSSES[base]
    return (partial(function, **options) if options else function), kind


def _scaled(output: Tensor, batch: Batch, scale: Numbers) -> tuple[Tensor, Tensor]:
    """Return output and truth divided by a scale of one number or one per output.

    Raises:
        KitError: the scale has another number of values; torch would broadcast a single output.
    """
    truth = batch.y.to(output.dtype)
    if scale == 1.0:
        return output, truth
    if isinstance(scale, tuple) and len(scale) != output.shape[1]:
        raise KitError(
            f"loss: scale has {len(scale)} numbers for {output.shape[1]} outputs; give one for all "
            "or one for each"
        )
    divisor = _constant(scale, output.dtype, output.device)
    if divisor.ndim:
        divisor = divisor.reshape(-1, *[1] * (output.ndim - 2))
    return output / divisor, truth / divisor


@lru_cache(maxsize=32)
def _constant(value: Numbers, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return numbers as a tensor on a device; cached, so that they are transferred once."""
    return torch.tensor(value, dtype=dtype, device=device)


def _mask(output: Tensor, batch: Batch) -> Tensor:
    if batch.mask is None:
        return output.new_ones(output.shape)
    return batch.mask.to(output.dtype).reshape(output.shape)
