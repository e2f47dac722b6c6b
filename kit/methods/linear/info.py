"""linear: one matrix from the inputs to the answers, the kit's own baseline (in neither paper)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from kit.errors import KitError
from kit.method import MethodInfo
from kit.settings import Amount, LossName, Positive, Settings

Features = Literal["values", "log-spectrum"]


class LinearSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of linear.

    Attributes:
        features: what the matrix is applied to: the values as they are, or the logarithms of the
            magnitudes of their Fourier transform, which no longer tell where in the sample
            something happens.
        penalties: on half the squared norm of the matrix; the validation fold chooses one.
        epochs: after each, a checkpoint may be written.
        iterations: of L-BFGS in each epoch; each takes one or two passes over the fold.
        batch_size: of a pass; the result does not depend on it, but with ``masked-bce``, which is a
            mean over the positions of a pass that count.
        kernel_size: side of the neighbourhood that a position of a dense task is predicted from.
        loss: None for the task's own.
    """

    features: Features
    penalties: Annotated[tuple[Amount, ...], Meta(min_length=1)]
    epochs: Positive
    iterations: Positive
    batch_size: Positive
    kernel_size: Positive
    loss: LossName | None = None

    def check(self, sample_shape: tuple[int, ...], outputs: int, dense: bool) -> None:
        """Check the settings against the samples.

        Raises:
            KitError: they do not fit, or positions are to be told from a spectrum.
        """
        super().check(sample_shape, outputs, dense)
        if dense and self.features != "values":
            raise KitError(
                f"features = {self.features!r} no longer tell positions, and this task has an "
                "answer for each; use features = 'values'"
            )


METHOD = MethodInfo(
    name="linear",
    title="linear",
    version=2,
    stages=("tune", "fit"),
    settings_type=LinearSettings,
    light=True,
)
