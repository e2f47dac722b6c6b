"""Exponentiated gradient descent (GAEA, Li et al. 2021; DASH's ``optimizers.py``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from kit.errors import plain
from kit.search import arguments, keeping


class ExponentiatedGradient(torch.optim.Optimizer):
    """Exponentiated gradient descent for parameters that are probability distributions.

    A step with gradient g is p <- p exp(-lr g), then p <- p / sum(p).

    Args:
        parameters: tensors of positive numbers, or groups of them as for torch's optimisers. Each
            row along the last axis is one distribution. If a group has ``parts``, a list of
            lengths, its rows consist of one distribution of each length.
        lr: learning rate, the factor of the gradient in the exponent.
        floor: smallest value before the normalisation; GAEA's own code has 1e-5. None for the
            smallest positive number of the dtype, as a value of 0 could never grow again.

    Raises:
        ValueError: ``lr`` or ``floor`` is no finite number of at least 0, or the ``parts`` of a
            group are not the lengths of its rows.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        floor: float | None = None,
    ) -> None:
        keeping.check_rates(lr=lr, floor=0.0 if floor is None else floor)
        super().__init__(parameters, {"lr": lr, "initial_lr": lr, "parts": None})
        self.floor = floor
        for group in self.param_groups:
            _check_parts(group)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Take one step; parameters without a gradient are not changed.

        Args:
            closure: computes the loss and its gradients before the step, as for torch's optimisers.

        Returns:
            What ``closure`` returned, else None.
        """
        value = None
        if closure is not None:
            with torch.enable_grad():
                value = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                lengths = group["parts"] or [parameter.shape[-1]]
                gradients = parameter.grad.split(lengths, -1)
                for part, gradient in zip(parameter.split(lengths, -1), gradients, strict=True):
                    self._step(part, -group["lr"] * gradient)
        return value

    def _step(self, part: Tensor, exponent: Tensor) -> None:
        """Update distributions in place; the exponent is -lr g."""
        # The exponent is shifted so that the largest factor is 1, lest it overflow; the
        # normalisation cancels the shift.
        part.mul_(torch.exp(exponent - exponent.amax(-1, keepdim=True)))
        part.clamp_(min=torch.finfo(part.dtype).tiny if self.floor is None else self.floor)
        part.div_(part.sum(-1, keepdim=True))


def _check_parts(group: dict[str, Any]) -> None:
    """Raise ValueError for a group whose rows do not consist of its ``parts``."""
    parts = group["parts"]
    if parts is None:
        return
    valid = isinstance(parts, list | tuple) and all(arguments.is_whole(each, 1) for each in parts)
    for parameter in group["params"]:
        if not valid or sum(parts) != parameter.shape[-1]:
            raise ValueError(
                f"parts are lengths, which add up to those of the rows, {parameter.shape[-1]}; not "
                f"{plain(repr(parts))}"
            )
