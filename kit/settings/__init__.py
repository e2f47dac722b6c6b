"""Settings: strict TOML resolved in layers into frozen structs."""

from kit.settings.common import Normalisation, Rules, Schedule, Settings, Sgd
from kit.settings.resolve import merge, resolve
from kit.settings.strict import apply_overrides, convert

__all__ = [
    "Normalisation",
    "Rules",
    "Schedule",
    "Settings",
    "Sgd",
    "apply_overrides",
    "convert",
    "merge",
    "resolve",
]
