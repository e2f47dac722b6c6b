"""Full precision for AggConv, whatever autocast and torch's flags allow around it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import Lock
from typing import Any

import torch
from torch import Tensor

Gradients = tuple[Tensor | None, ...]

_lock = Lock()
_within: defaultdict[str, list[list[str]]] = defaultdict(list)
"""Per device type, the flags at each entry to `full`; the first are those to restore."""


def product_flags(device: str) -> tuple[Any, ...]:
    """Return torch's flags for matrix products and convolutions, each with ``fp32_precision``."""
    # Any, since its attributes are made at run time, where type checkers cannot see them.
    backends: Any = torch.backends
    if device == "cpu":
        return backends.mkldnn.matmul, backends.mkldnn.conv
    return backends.cuda.matmul, backends.cudnn.conv


@contextmanager
def full(device: str) -> Iterator[None]:
    """Turn off autocast, and TF32 and bfloat16 for products of float32, on one type of device.

    A spectrum spans more orders of magnitude than these types have digits.
    """
    if device == "meta":  # it computes no values, and autocast does not support it
        yield
        return
    _enter(device)
    try:
        with torch.autocast(device, enabled=False):
            yield
    finally:
        _leave(device)


def _enter(device: str) -> None:
    """Record the flags, which all threads of the process share, and set them to float32."""
    with _lock:
        kinds, within = product_flags(device), _within[device]
        within.append([kind.fp32_precision for kind in kinds])
        for kind in kinds:
            kind.fp32_precision = "ieee"


def _leave(device: str) -> None:
    """Restore the flags once no thread is inside `full`."""
    with _lock:
        within = _within[device]
        if len(within) > 1:
            within.pop()
            return
        for kind, precision in zip(product_flags(device), within.pop(), strict=True):
            kind.fp32_precision = precision


def backward_pass(
    function: Callable[..., Gradients],
) -> Callable[..., Gradients]:
    """Decorator for `backward`: full precision inside, and no second derivatives.

    A backward pass called inside an autocast region would run its matrix products in half
    precision, although the forward pass did not.

    torch's `once_differentiable` refuses second derivatives only where the gradients that come in
    need one; after a loss that is linear in the result, it takes them for zero.
    """

    @wraps(function)
    def wrapped(ctx: Any, *gradients: Tensor) -> Gradients:
        if torch.is_grad_enabled():  # under create_graph alone
            raise RuntimeError(
                "this form of AggConv has no second derivatives (create_graph=True): take "
                "method='mixed-results' or 'mixed-weights'"
            )
        with full(gradients[0].device.type):
            return function(ctx, *gradients)

    return wrapped
