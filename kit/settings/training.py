"""Settings of methods that train one network as its authors do."""

from __future__ import annotations

from kit.errors import KitError
from kit.settings.common import Amount, Optimiser, Positive, Schedule, Settings, Validation
from kit.settings.loss_names import LossName


class TrainingSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one network is trained.

    Attributes:
        clip: norm to which all gradients together are clipped; 0 for none.
        auxiliary: weight of the losses of what a network answers besides, in training alone.
        validation: the score that schedules and selection follow, if any.
        loss: None for the task's own.
    """

    epochs: Positive
    batch_size: Positive
    optimiser: Optimiser
    schedule: Schedule
    clip: Amount = 0.0
    auxiliary: Amount = 0.0
    validation: Validation = Validation()
    loss: LossName | None = None

    def check(self, sample_shape: tuple[int, ...], outputs: int, dense: bool) -> None:
        """Hold the settings to the samples; what scores the training must not be trained on.

        Raises:
            KitError: they do not fit, or the validation has samples of the final fit.
        """
        super().check(sample_shape, outputs, dense)
        role = self.validation.role
        if role != "none" and (both := self.data.shared("final_fit", role)):
            raise KitError(
                f"validation.role = {role!r} holds samples that are trained on "
                f"({', '.join(both)}); leave them out of data.roles.final_fit, or cut both from "
                "them by data.split"
            )

    def check_plateau(self, place: str) -> None:
        """Hold a schedule that follows scores to there being some: the validation's.

        Raises:
            KitError: there are none.
        """
        if place != "schedule":
            super().check_plateau(place)
        elif self.validation.role == "none":
            raise KitError("schedule.kind = 'plateau' needs validation.role, such as 'tune_val'")
