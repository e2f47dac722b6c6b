"""Settings of methods that train one network as its authors do."""

from __future__ import annotations

from kit.settings.common import Optimiser, Positive, Schedule, Settings, Validation


class TrainingSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one network is trained.

    Attributes:
        validation: the score that schedules and selection follow, if any.
        loss: None for the task's own.
    """

    epochs: Positive
    batch_size: Positive
    optimiser: Optimiser
    schedule: Schedule
    validation: Validation = Validation()
    loss: str | None = None
