"""Settings: strict TOML resolved in layers into frozen structs."""

from kit.settings.common import (
    FITTED_ON,
    Amount,
    BelowOne,
    Count,
    Optimiser,
    Positive,
    Rules,
    Schedule,
    Settings,
    Share,
    Validation,
)
from kit.settings.recipe import Recipe
from kit.settings.resolve import merge, resolve
from kit.settings.speed import NetworkSettings, Speed
from kit.settings.split import FoldShare
from kit.settings.strict import apply_overrides, convert

__all__ = [
    "FITTED_ON",
    "Amount",
    "BelowOne",
    "Count",
    "FoldShare",
    "NetworkSettings",
    "Optimiser",
    "Positive",
    "Recipe",
    "Rules",
    "Schedule",
    "Settings",
    "Share",
    "Speed",
    "Validation",
    "apply_overrides",
    "convert",
    "merge",
    "resolve",
]
