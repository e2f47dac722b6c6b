"""Backbones: one module per network, found by name, each with ``build`` and ``initialise``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import ModuleType
from typing import Literal

from kit.errors import KitError, unknown

AXES: Mapping[str, Literal[1, 2]] = {
    "convnext": 2,
    "tcn": 1,
    "wide-resnet": 2,
    "wide-resnet-1d": 1,
}
"""The spatial axes of the samples that each takes, for checks without torch."""


def check(name: str, axes: int) -> None:
    """Hold the name of a backbone to the samples of a task.

    Args:
        name: of the backbone.
        axes: number of spatial axes of a sample.

    Raises:
        KitError: the backbone is unknown, or takes samples with another number of axes.
    """
    if name not in AXES:
        raise unknown("backbone", name, AXES)
    if AXES[name] != axes:
        fitting = sorted(each for each, number in AXES.items() if number == axes)
        raise KitError(
            f"backbone = {name!r} takes samples of {AXES[name]} axes, and those of the task have "
            f"{axes}; there is {', '.join(fitting)}"
        )


def backbone(name: str) -> ModuleType:
    """Return the module of a backbone.

    It has ``build(input_shape, outputs, *, dense, width, dropout, variant) -> nn.Module`` and
    ``initialise(network, variant)``, which draws the weights anew.

    Raises:
        KitError: the name is unknown; similar names are suggested.
    """
    known = {module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)}
    if name not in known:
        raise unknown("backbone", name, known)
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
