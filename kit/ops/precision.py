"""Backward passes that autocast leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Gradients = tuple[Tensor | None, ...]


def backward_pass(
    function: Callable[[Any, Tensor], Gradients],
) -> Callable[[Any, Tensor], Gradients]:
    """Decorator for `backward`: no autocast inside, and no second derivatives.

    A backward pass called inside an autocast region would run its matrix products in half
    precision, although the forward pass did not.
    """

    @once_differentiable
    @wraps(function)
    def wrapped(ctx: Any, gradient: Tensor) -> Gradients:
        with torch.autocast(gradient.device.type, enabled=False):
            return function(ctx, gradient)

    return wrapped
