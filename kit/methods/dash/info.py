"""DASH: search, tune, retrain (its appendix A.5.2 and the released code)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from kit.method import MethodInfo
from kit.settings import Optimiser, Schedule, Settings


class Search(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The search stage: one supernet, weights and alphas updated together.

    Attributes:
        batch_fraction: epochs see the first int(fraction * batches) + 1 of the shuffled batches.
        alpha_learning_rate: alphas have the momentum and weight decay of the weights.
        gradient_scale: alpha's gradients are normalised and divided by it; 0 leaves them alone.
        penalty: times the receptive field, added to alpha's gradient.
        field: what counts as receptive field; ``ten-kernel-sizes`` is the released code's 10 k
            for dense tasks, whatever the dilation.
        clip: norm to which all gradients together are clipped.
        separable: layers with as many outputs as inputs are depthwise in the search.
        gumbel: noise on alpha, fresh at every forward pass.
        width: of the backbone in the search.
    """

    epochs: int
    batch_fraction: float
    optimiser: Optimiser
    alpha_learning_rate: float
    schedule: Schedule
    gradient_scale: float
    penalty: float
    field: Literal["extent", "ten-kernel-sizes"]
    clip: float
    separable: bool
    gumbel: bool
    temperature: float
    width: int | None = None


class Tune(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The grid, in the released order: learning rate outermost, momentum innermost.

    Attributes:
        batch_fractions: (number of search batches below which it holds, fraction of the tuning
            batches per epoch), the first that holds; the last holds for all.
        early_stop: skip the later learning rates once one did not improve on the one before,
            looked at from the second one on.
    """

    epochs: int
    learning_rates: tuple[float, ...]
    dropouts: tuple[float, ...]
    weight_decays: tuple[float, ...]
    momenta: tuple[float, ...]
    batch_fractions: tuple[tuple[int, float], ...]
    early_stop: bool


class Retrain(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The final network.

    Attributes:
        padding: the released code retrains its 1D nets with causal kernels although it searched
            centred ones; ``centred`` is the clean way.
    """

    epochs: int
    schedule: Schedule
    padding: Literal["centred", "causal"]
    width: int | None = None


class DashSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of DASH.

    Attributes:
        loss: None for the task's own.
        architecture: layer name -> (kernel size, dilation); given, it takes the search's place.
    """

    backbone: str
    batch_size: int
    kernel_sizes: tuple[int, ...]
    dilations: tuple[int, ...]
    search: Search
    tune: Tune
    retrain: Retrain
    loss: str | None = None
    architecture: Mapping[str, tuple[int, int]] | None = None


METHOD = MethodInfo(
    name="dash",
    title="DASH",
    version=1,
    stages=("search", "tune", "retrain"),
    settings_type=DashSettings,
)
