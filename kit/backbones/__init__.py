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
        KitError: the name is unknown; similar names are suggested.
    """
    known = {module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)}
    if name not in known:
        raise unknown("backbone", name, known)
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
