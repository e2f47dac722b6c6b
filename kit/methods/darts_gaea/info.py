"""GAEA PC-DARTS: cells searched by exponentiated gradients (Li et al. 2021; Xu et al. 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct

from kit.errors import KitError
from kit.method import MethodInfo, MixtureRows
from kit.settings import (
    Amount,
    BelowOne,
    Count,
    Optimiser,
    Positive,
    Schedule,
    Settings,
    Speed,
)
from kit.spaces.darts.architecture import DartsCells
from kit.spaces.darts.genotype import (
    CELLS,
    INPUTS,
    NODES,
    OPERATION_NAMES,
    check,
)
from kit.task import Task

# Two cells halve the map.
SMALLEST_MAP = 4


class GaeaSearch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The search stage: one supernet, weights and architecture in turn on two halves of the data.

    Attributes:
        channels: of a node in the supernet's first cells; divisible by 4.
        layers: its cells.
        optimiser: of the weights.
        schedule: of the weights' rate.
        clip: norm to which the weights' gradients together are clipped; 0 for none.
        warm_start: epochs in which the weights alone learn.
        learning_rate: of alphas and betas.
        floor: what no alpha or beta falls below [GAEA: 1e-5]; 0 for none [NAS-Bench-360].
        mixture: ``softmax-of-simplex`` takes the softmax of what are distributions already, so that
            mixtures stay nearly uniform [NAS-Bench-360]; ``simplex`` takes these [GAEA].
        beta_simplex: whether betas are one distribution over ``all`` edges [NAS-Bench-360] or over
            those of each ``node`` [GAEA].
        start: first values of alphas and betas, ``ones`` [NAS-Bench-360] or ``uniform`` [GAEA].
    """

    epochs: Positive
    batch_size: Positive
    channels: Positive
    layers: Positive
    optimiser: Optimiser
    schedule: Schedule
    clip: Amount
    warm_start: Count
    learning_rate: Amount
    floor: Amount
    mixture: Literal["softmax-of-simplex", "simplex"]
    beta_simplex: Literal["all", "node"]
    start: Literal["ones", "uniform"]


class GaeaEvaluation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The training of the network of a genotype.

    Attributes:
        channels: of a node in its first cells.
        layers: its cells.
        drop_path: with what probability a path is left out at the end; it rises from 0.
        drop_path_stretch: over how many times the epochs it rises: 4 never comes near
            [NAS-Bench-360's dense code, whose 600 epochs became 150].
        batch_norm: ``last-batch`` keeps statistics of practically the last batch alone: momentum
            0.999 and eps 1e-3 [NAS-Bench-360]; ``running`` has torch's.
        auxiliary: weight of the loss of a second head; 0 for no such head.
        cutout: as ``data.cutout``, in this stage alone.
    """

    epochs: Positive
    batch_size: Positive
    channels: Positive
    layers: Positive
    optimiser: Optimiser
    schedule: Schedule
    clip: Amount
    drop_path: BelowOne
    drop_path_stretch: Amount
    batch_norm: Literal["last-batch", "running"]
    auxiliary: Amount
    cutout: Count = 0


class GaeaSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of GAEA PC-DARTS.

    Attributes:
        reduction: what the second half of a reduction without kernel reads: ``shifted`` by one
            position, or the ``same`` ones [NAS-Bench-360's 1D code].
        skip: how many first positions of the last axis networks do not see.
        loss: None for the task's own.
        architecture: a genotype; given, it takes the search's place.
        speed: what may make both stages faster; off in the papers' runs.
    """

    search: GaeaSearch
    evaluation: GaeaEvaluation
    reduction: Literal["shifted", "same"]
    skip: Count = 0
    loss: str | None = None
    architecture: Mapping[str, Any] | None = None
    speed: Speed = Speed()

    def check(self, sample_shape: tuple[int, ...], outputs: int) -> None:
        """Hold the settings to the samples; the search needs two kinds of them.

        Raises:
            KitError: they do not fit, the halves overlap, or the genotype is none of this space.
        """
        super().check(sample_shape, outputs)
        if both := self.data.shared("search", "search_val"):
            raise KitError(
                "the search needs data that it does not train on, but 'search' holds samples of "
                f"""'search_val' ({", ".join(both)}); use """
                """-o 'data.split={search=["train", 0, 0.5], search_val=["train", 0.5, 1]}'"""
            )
        if self.search.channels % 4:
            raise KitError(f"search.channels is divisible by 4, not {self.search.channels}")
        if self.architecture is not None:
            try:
                check(self.architecture, len(sample_shape) - 1)
            except ValueError as error:
                raise KitError(f"architecture: {error}") from None


@dataclass(frozen=True, kw_only=True)
class GaeaInfo(MethodInfo):
    """The facts, and which maps are too small."""

    def applies(self, task: Task) -> str | None:
        """Return None if the method can take the task, else the reason why not."""
        reason = super().applies(task)
        if reason is not None or task.kind == "dense":
            return reason
        sizes = task.sample_shape[1:]
        if min(sizes) < SMALLEST_MAP:
            shape = " × ".join(map(str, sizes))
            return f"two of its cells halve the map, and one of {shape} is too small for that"
        return None

    def mixtures(self, settings: Mapping[str, Any]) -> tuple[MixtureRows, ...]:
        """Return the operations of each edge, and the edges of each node."""
        del settings
        nodes = [(cell, INPUTS + number) for cell in CELLS for number in range(NODES)]
        edges = [f"{cell} {node}←{source}" for cell, node in nodes for source in range(node)]
        sources = tuple(f"←{source}" for source in range(INPUTS + NODES - 1))
        return (
            MixtureRows("alpha", OPERATION_NAMES, tuple(edges)),
            MixtureRows("beta", sources, tuple(f"{cell} {node}" for cell, node in nodes)),
        )


METHOD = GaeaInfo(
    name="darts-gaea",
    title="DARTS GAEA",
    version=1,
    stages=("search", "evaluate"),
    settings_type=GaeaSettings,
    architecture=DartsCells(),
)
