"""constant: the best answer that ignores the input, the kit's own baseline (in neither paper)."""

from __future__ import annotations

from kit.method import MethodInfo
from kit.settings import LossName, Positive, Settings


class ConstantSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of constant.

    Attributes:
        epochs: after each, a checkpoint may be written.
        iterations: of L-BFGS in each epoch; each takes one or two passes over the fold.
        batch_size: of a pass; the result does not depend on it, but with ``masked-bce``, which is a
            mean over the positions of a pass that count.
        loss: None for the task's own.
    """

    epochs: Positive
    iterations: Positive
    batch_size: Positive
    loss: LossName | None = None


METHOD = MethodInfo(
    name="constant",
    title="constant",
    version=2,
    stages=("fit",),
    settings_type=ConstantSettings,
    light=True,
)
