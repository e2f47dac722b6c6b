"""Divergence: checks that losses and weights are finite, with one transfer from the GPU."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from kit.errors import DivergedError


@torch.no_grad()
def read(
    values: Mapping[str, Tensor], weights: Iterable[Tensor] = ()
) -> tuple[dict[str, float], bool]:
    """Return numbers by name, and whether all weights are finite, by one transfer to the host.

    Args:
        values: tensors of one element each.
        weights: of any shapes and kinds; whole numbers among them are always finite.
    """
    # What has no elements, such as the alphas of a space without such choices, has no largest one.
    floats = [
        each for each in weights if each.numel() and (each.is_floating_point() or each.is_complex())
    ]
    numbers = [value.detach().reshape(()).double() for value in values.values()]
    if floats:
        numbers.append(nn.utils.get_total_norm(floats, math.inf).double())
    if not numbers:
        return {}, True
    found: list[float] = torch.stack([each.to(numbers[-1].device) for each in numbers]).tolist()
    return dict(zip(values, found, strict=False)), not floats or math.isfinite(found[-1])


def check(when: str, loss: float, finite: bool, weights: Iterable[tuple[str, Tensor]] = ()) -> None:
    """Check what ``read`` found after an epoch.

    Args:
        when: the epoch, in words.
        loss: the epoch's mean.
        finite: whether all weights are.
        weights: by name, to tell which one is not.

    Raises:
        DivergedError: the loss or a weight is not finite.
    """
    advice = "it diverged, or its data hold numbers that are none; a lower learning rate may help"
    if not math.isfinite(loss):
        raise DivergedError(f"{when}: the loss is {loss}: {advice}")
    if not finite:
        names = (name for name, weight in weights if not bool(weight.isfinite().all()))
        raise DivergedError(f"{when}: {next(names, 'a weight')} is not finite: {advice}")
