"""dash-random, a control in no paper: DASH's tuning and retraining of layers that were drawn."""

from __future__ import annotations

from typing import Literal

from kit.errors import KitError
from kit.method import MethodInfo
from kit.methods.dash.architecture import DashArchitecture
from kit.methods.dash.info import TunedSettings
from kit.settings import Positive


class DashRandomSettings(TunedSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings: those of DASH without its search, and where layers come from.

    Attributes:
        kernel_size: of each layer: ``drawn`` from K, the ``largest`` of K, or a number.
        dilation: of each layer: ``drawn`` from D, or a number.
    """

    kernel_size: Literal["drawn", "largest"] | Positive
    dilation: Literal["drawn"] | Positive

    @property
    def sizes(self) -> tuple[int, ...]:
        """The kernel sizes that a layer can have, all equally likely."""
        if self.kernel_size == "drawn":
            return self.kernel_sizes
        return (max(self.kernel_sizes) if self.kernel_size == "largest" else self.kernel_size,)

    @property
    def spacings(self) -> tuple[int, ...]:
        """The dilations that a layer can have, all equally likely."""
        return self.dilations if self.dilation == "drawn" else (self.dilation,)

    def check(self, sample_shape: tuple[int, ...], outputs: int, dense: bool) -> None:
        """Check the settings against the samples.

        Raises:
            KitError: they do not fit, or a kernel size cannot be centred.
        """
        super().check(sample_shape, outputs, dense)
        try:
            self.refuse_even(self.sizes)
        except ValueError as error:
            raise KitError(str(error)) from None


METHOD = MethodInfo(
    name="dash-random",
    title="DASH-random",
    version=1,
    stages=("tune", "retrain"),
    settings_type=DashRandomSettings,
    architecture=DashArchitecture(),
    extends="dash",
    extended=(
        "data",
        "backbone",
        "backbone_options",
        "batch_size",
        "kernel_sizes",
        "dilations",
        "tune",
        "retrain",
        "loss",
        "speed",
    ),
)
