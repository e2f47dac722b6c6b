"""Settings: strict TOML resolved in layers into frozen structs."""

from kit.settings.common import (
    Normalisation,
    Optimiser,
    Positive,
    Rules,
    Schedule,
    Settings,
    Validation,
)
from kit.settings.recipe import Recipe
from kit.settings.resolve import merge, resolve
from kit.settings.speed import NetworkSettings, Speed
from kit.settings.strict import apply_overrides, convert

__all__ = [
    "NetworkSettings",
    "Normalisation",
    "Optimiser",
    "Positive",
    "Recipe",
    "Rules",
    "Schedule",
    "Settings",
    "Speed",
    "Validation",
    "apply_overrides",
    "convert",
    "merge",
    "resolve",
]
