"""Settings: strict TOML resolved in layers into frozen structs."""

from kit.settings.common import (
    FITTED_ON,
    AboveZero,
    Amount,
    BelowOne,
    Count,
    DataConfig,
    Optimiser,
    Positive,
    Schedule,
    Settings,
    Share,
    Validation,
    refuse_repeats,
)
from kit.settings.loss_names import LossName
from kit.settings.resolve import merge, resolve
from kit.settings.search import OneShotSearch
from kit.settings.speed import Speed
from kit.settings.split import FoldShare
from kit.settings.strict import apply_overrides, check_finite, convert, toml
from kit.settings.training import TrainingSettings

__all__ = [
    "FITTED_ON",
    "AboveZero",
    "Amount",
    "BelowOne",
    "Count",
    "DataConfig",
    "FoldShare",
    "LossName",
    "OneShotSearch",
    "Optimiser",
    "Positive",
    "Schedule",
    "Settings",
    "Share",
    "Speed",
    "TrainingSettings",
    "Validation",
    "apply_overrides",
    "check_finite",
    "convert",
    "merge",
    "refuse_repeats",
    "resolve",
    "toml",
]
