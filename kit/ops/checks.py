"""Checks of an AggConv's arguments, with error messages of one line."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kit.errors import plain
from kit.ops.methods import CHOOSERS, DIRECT, METHODS


def tensor(name: str, value: Any) -> None:
    """Raise ValueError for a value that is no tensor, such as an array of NumPy."""
    if not isinstance(value, Tensor):
        raise ValueError(
            f"{name} must be a tensor of torch, not {type(value).__name__}; torch.as_tensor makes "
            "one of numbers"
        )


def tensors(x: Any, weights: Any, alpha: Any) -> list[Tensor]:
    """Return the weights as a list.

    Raises:
        ValueError: x, alpha or a weight is no tensor, or the weights are no series.
    """
    tensor("x", x)
    tensor("alpha", alpha)
    try:
        each = list(weights)
    except TypeError:
        what = type(weights).__name__
        raise ValueError(f"weights must be a list of tensors of torch, not {what}") from None
    for index, weight in enumerate(each):
        tensor(f"weight {index}", weight)
    return each


def check(
    x: Tensor,
    weights: Sequence[Tensor],
    alpha: Tensor,
    kernel_sizes: tuple[int, ...],
    dilations: tuple[int, ...],
    stride: int,
    groups: int,
    method: str,
    memory: str,
) -> None:
    """Raise ValueError for arguments that do not fit together."""
    check_options(method, memory)
    if x.ndim not in (3, 4):
        raise ValueError(f"x must have 3 or 4 axes (batch, channels, 1 or 2 spatial), not {x.ndim}")
    if x.numel() == 0:
        raise ValueError(f"x of shape {tuple(x.shape)} is empty")
    if x.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"x must be float32 or float64, not {x.dtype}")
    count = len(kernel_sizes) * len(dilations)
    if len(weights) != count:
        raise ValueError(f"{count} candidates need {count} weights, not {len(weights)}")
    if alpha.shape != (count,):
        raise ValueError(f"alpha must have shape ({count},), not {tuple(alpha.shape)}")
    if weights[0].ndim == 0:
        raise ValueError("weight 0 must have the axes (C_out, C_in / groups, k[, k]), and has none")
    channels, outputs = x.shape[1], weights[0].shape[0]
    if groups < 1 or channels % groups or outputs % groups:
        raise ValueError(f"groups {groups} does not divide channels {channels} and {outputs}")
    for index, weight in enumerate(weights):
        k = kernel_sizes[index // len(dilations)]
        shape = (outputs, channels // groups) + (k,) * (x.ndim - 2)
        if tuple(weight.shape) != shape:
            raise ValueError(f"weight {index} must have shape {shape}, not {tuple(weight.shape)}")
    for name, tensor in [("alpha", alpha), *((f"weight {i}", w) for i, w in enumerate(weights))]:
        if tensor.dtype != x.dtype or tensor.device != x.device:
            raise ValueError(
                f"{name} is {tensor.dtype} on {tensor.device}, x is {x.dtype} on {x.device}"
            )
    direct = method in CHOOSERS or method in DIRECT
    if groups not in (1, channels) and not direct:
        raise ValueError(f"method {method!r} needs groups 1 or {channels}, not {groups}")
    if groups == channels != outputs and groups > 1 and not direct:
        raise ValueError(f"method {method!r} needs C_out = C_in where groups = C_in")
    if method == "toeplitz" and (x.ndim != 3 or not groups == channels == outputs):
        raise ValueError("method 'toeplitz' needs one spatial axis and a depthwise convolution")


def whole(name: str, values: Sequence[Any]) -> tuple[int, ...]:
    """Return values as plain integers; as keys of a cache, 1.0 and True would equal 1.

    Raises:
        ValueError: there are no values, or one is not a positive integer.
    """
    try:
        integers = tuple(int(operator.index(value)) for value in values)
    except TypeError:
        integers = ()
    if not integers or min(integers) < 1:
        raise ValueError(f"{name} must be positive integers, not {plain(str(values))}")
    return integers


def check_options(method: str, memory: str) -> None:
    """Raise ValueError for an unknown method or memory option."""
    # A list has no hash, by which METHODS could be asked.
    if not isinstance(method, str) or (method not in CHOOSERS and method not in METHODS):
        raise ValueError(
            f"unknown method {plain(repr(method))}; there are {', '.join((*CHOOSERS, *METHODS))}"
        )
    if not isinstance(memory, str) or memory not in ("fast", "small"):
        raise ValueError(f"memory must be 'fast' or 'small', not {plain(repr(memory))}")
