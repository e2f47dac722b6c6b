"""Checks of modules and functions that are given to searches."""

from __future__ import annotations

from typing import Any

from torch import nn

from kit.errors import nearest, plain

# The most usual ones of torch.nn.functional.
LOSSES = (
    "cross_entropy",
    "binary_cross_entropy_with_logits",
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
)


def check_module(value: Any, name: str = "the model") -> None:
    """Check that a value is a module of torch.

    Raises:
        ValueError: it is none, such as the class of one.
    """
    if isinstance(value, type) and issubclass(value, nn.Module):
        raise ValueError(f"{name} is the class {value.__name__}; give a module that it makes")
    if not isinstance(value, nn.Module):
        raise ValueError(f"{name} must be a torch.nn.Module, not {type(value).__name__}")


def check_functions(**values: Any) -> None:
    """Check functions, given by their names; modules are functions, too.

    Raises:
        ValueError: one cannot be called, or is the class of a module.
    """
    for name, value in values.items():
        if isinstance(value, type) and issubclass(value, nn.Module):
            raise ValueError(f"{name} is the class {value.__name__}; give {value.__name__}()")
        if isinstance(value, str) and name == "loss":
            near = nearest(value.replace("-", "_"), LOSSES)
            raise ValueError(
                f"loss is a function such as those of torch.nn.functional, not "
                f"{plain(repr(value))}{near}"
            )
        if not callable(value):
            raise ValueError(f"{name} is a function, not {plain(repr(value))}")
