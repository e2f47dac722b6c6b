"""DASH: search, tune, retrain (its appendix A.5.2 and the released code)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from kit import backbones
from kit.errors import KitError
from kit.method import MethodInfo, MixtureRows
from kit.methods.dash.architecture import DashArchitecture
from kit.search.kernel_dilation import Number
from kit.settings import (
    AboveZero,
    Amount,
    BelowOne,
    Count,
    LossName,
    OneShotSearch,
    Optimiser,
    Positive,
    Schedule,
    Settings,
    Share,
    Speed,
    refuse_repeats,
)

Form = (
    Literal["auto", "autotune", "mixed-results", "mixed-weights", "released"]
    | Literal["dilation", "fourier", "dft-matmul", "phases", "toeplitz"]
)
"""How an AggConv is computed, by the names of ``kit.ops``, which needs torch."""


class DashSearch(OneShotSearch, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The search stage: one supernet for weights and alphas. Brackets name an option's source.

    Attributes:
        batch_fraction: epochs see the first int(fraction * batches) + 1 of the shuffled batches
            [code: ``quick_search``; A.5.2 has 0.2].
        optimiser: of the weights [A.5.2: SGD].
        alpha_learning_rate: alphas have the momentum and weight decay of the weights [code].
        schedule: of both learning rates [A.5.2].
        alpha_update: ``exponentiated-gradient`` keeps the mixing coefficients on the simplex and
            multiplies them by exp(-rate * gradient), without momentum or decay [code:
            ``optimizers.py``, not in use; GAEA].
        level: ``single`` updates weights and alphas by the same batch [section 3, code];
            ``bilevel`` the alphas by a batch of the fold ``search_val`` first, without second order
            terms [DARTS].
        warm_start: see ``OneShotSearch`` [relax, ``--warmup-epochs``].
        gradient_scale: alpha's gradients are normalised and divided by it; 0 leaves them alone
            [code: ``grad_scale``].
        penalty: times the receptive field, added to alpha's gradient [A.5.2: 1e-5].
        field: what counts as receptive field; ``ten-kernel-sizes`` is 10 k whatever the dilation
            [code, for dense tasks].
        clip: norm to which all gradients together are clipped; 0 for none [code].
        separable: layers with as many outputs as inputs are depthwise in the search [code: on; the
            paper has none of it].
        gumbel: noise on alpha, fresh at every forward pass [code].
        temperature: of the softmax [A.5.2: 1].
        streaming: saves memory: the backward pass recomputes mixtures instead of keeping them; the
            numbers are the same [code: ``--stream``, for the same purpose].
        method: how AggConv is computed; the numbers are the same [kit.ops].
        width: of the backbone in the search [code: 1 in 2D; A.5.1 does not tell it from 4].
    """

    batch_fraction: Share
    optimiser: Optimiser
    alpha_learning_rate: Amount
    schedule: Schedule
    alpha_update: Literal["gradient", "exponentiated-gradient"] = "gradient"
    level: Literal["single", "bilevel"] = "single"
    gradient_scale: Amount
    penalty: Amount
    field: Literal["extent", "ten-kernel-sizes"]
    clip: Amount
    separable: bool
    gumbel: bool
    temperature: AboveZero
    streaming: bool = False
    method: Form = "auto"
    width: Count | None = None


class DashTune(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The grid, in the released order: learning rate outermost, momentum innermost.

    Attributes:
        batch_fractions: (number of search batches below which it holds, fraction of the tuning
            batches per epoch), the first that holds; the last holds for all.
        early_stop: skip the later learning rates once one did not improve on the one before,
            looked at from the second one on.
    """

    epochs: Positive
    learning_rates: Annotated[tuple[Amount, ...], Meta(min_length=1)]
    dropouts: Annotated[tuple[BelowOne, ...], Meta(min_length=1)]
    weight_decays: Annotated[tuple[Amount, ...], Meta(min_length=1)]
    momenta: Annotated[tuple[BelowOne, ...], Meta(min_length=1)]
    batch_fractions: Annotated[tuple[tuple[int, Share], ...], Meta(min_length=1)]
    early_stop: bool


class DashRetrain(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The final network.

    Attributes:
        optimiser: the one that uses the tuned rates, decays and momenta.
        padding: the released code retrains its 1D nets with causal kernels although it searched
            centred ones; ``centred`` is the clean way.
    """

    epochs: Positive
    schedule: Schedule
    optimiser: Literal["sgd", "adam", "adamw"] = "sgd"
    padding: Literal["centred", "causal"]
    width: Count | None = None


class TunedSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings but those of the search: of a network that is tuned and retrained.

    Attributes:
        backbone_options: further arguments of the backbone's ``build``.
        loss: None for the task's own.
        speed: what may make all stages faster; off in the paper's runs.
    """

    backbone: str
    batch_size: Positive
    kernel_sizes: Annotated[tuple[Number, ...], Meta(min_length=1)]
    dilations: Annotated[tuple[Number, ...], Meta(min_length=1)]
    tune: DashTune
    retrain: DashRetrain
    backbone_options: Mapping[str, bool | int | float | str] = {}
    loss: LossName | None = None
    speed: Speed = Speed()

    def check(self, sample_shape: tuple[int, ...], outputs: int, dense: bool) -> None:
        """Check the settings against the samples.

        Raises:
            KitError: they do not fit, the backbone takes other samples, or a kernel size or
                dilation is there twice.
        """
        super().check(sample_shape, outputs, dense)
        backbones.check(self.backbone, len(sample_shape) - 1)
        refuse_repeats("kernel_sizes", self.kernel_sizes)
        refuse_repeats("dilations", self.dilations)

    def refuse_even(self, sizes: Iterable[int], where: str = "") -> None:
        """Refuse even kernel sizes where retraining centres kernels.

        Raises:
            ValueError: naming the size; ``where`` ends the message.
        """
        even = [size for size in sizes if size % 2 == 0]
        if even and self.retrain.padding == "centred":
            raise ValueError(
                f"kernel size {even[0]} is even and cannot be centred in retraining{where}"
            )


class DashSettings(TunedSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of DASH.

    Attributes:
        architecture: layer name -> (kernel size, dilation), in place of a search; None to search.
    """

    search: DashSearch
    architecture: Mapping[str, tuple[Number, Number]] | None = None

    def __post_init__(self) -> None:
        """Refuse kernel sizes that could be searched but not retrained."""
        if self.architecture is None:
            self.refuse_even(self.kernel_sizes)
        for layer, (size, _) in (self.architecture or {}).items():
            self.refuse_even([size], f": {layer!r}")

    def check(self, sample_shape: tuple[int, ...], outputs: int, dense: bool) -> None:
        """Check the settings against the samples; a bilevel search needs two separate sets.

        Raises:
            KitError: they do not fit, or the two sets overlap.
        """
        super().check(sample_shape, outputs, dense)
        if self.search.level == "bilevel" and (both := self.data.shared("search", "search_val")):
            raise KitError(
                "a bilevel search needs data that it does not train on, but 'search' holds samples "
                f"of 'search_val' ({', '.join(both)}); use --protocol clean, or -o 'data.split="
                """{search=["train", 0, 0.5], search_val=["train", 0.5, 1]}'"""
            )


@dataclass(frozen=True, kw_only=True)
class DashInfo(MethodInfo):
    """Describes the mixtures of the search."""

    def mixtures(self, settings: Mapping[str, Any]) -> tuple[MixtureRows, ...]:
        """Return the candidates of a layer: each kernel size with each dilation."""
        pairs = product(settings["kernel_sizes"], settings["dilations"])
        return (MixtureRows("alpha", tuple(f"({k},{d})" for k, d in pairs)),)


METHOD = DashInfo(
    name="dash",
    title="DASH",
    version=2,
    stages=("search", "tune", "retrain"),
    settings_type=DashSettings,
    architecture=DashArchitecture(),
)
