"""Backbones: one module per network, found by name, each with ``build`` and ``initialise``."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from kit.errors import unknown


def backbone(name: str) -> ModuleType:
    """Return the module of a backbone.

    It has ``build(input_shape, outputs, *, dense, width, dropout, variant) -> nn.Module`` and
    ``initialise(network, variant)``, which draws the weights anew.

    Raises:
        KitError: there is none; near names are suggested.
    """
    found = {module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)}
    if name not in found:
        raise unknown("backbone", name, found)
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
