"""GAEA PC-DARTS: cells searched by exponentiated gradients (Li et al. 2021; Xu et al. 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kit.errors import KitError
from kit.method import MixtureRows
from kit.methods.darts_gaea.genotypes import GenotypeInfo, GenotypeSettings
from kit.settings import Amount, OneShotSearch, Optimiser, Positive, Schedule
from kit.spaces.darts.architecture import DartsCells
from kit.spaces.darts.genotype import CELLS, INPUTS, NODES
from kit.spaces.names import OPERATIONS


class GaeaSearch(OneShotSearch, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The search stage: one supernet, weights and architecture in turn on two halves of the data.

    Attributes:
        channels: of a node in the supernet's first cells; divisible by 4.
        layers: number of cells.
        optimiser: of the weights.
        schedule: of the weights' rate.
        clip: norm to which the weights' gradients together are clipped; 0 for none.
        learning_rate: of alphas and betas.
        floor: lower bound of alphas and betas [GAEA: 1e-5]; 0 for none [NAS-Bench-360].
        mixture: ``softmax-of-simplex`` takes the softmax of values that are distributions already,
            so that mixtures stay nearly uniform [NAS-Bench-360]; ``simplex`` uses the values as
            they are [GAEA].
        beta_simplex: whether betas are one distribution over ``all`` edges [NAS-Bench-360] or over
            those of each ``node`` [GAEA].
        start: first values of alphas and betas, ``ones`` [NAS-Bench-360] or ``uniform`` [GAEA].
    """

    batch_size: Positive
    channels: Positive
    layers: Positive
    optimiser: Optimiser
    schedule: Schedule
    clip: Amount
    learning_rate: Amount
    floor: Amount
    mixture: Literal["softmax-of-simplex", "simplex"]
    beta_simplex: Literal["all", "node"]
    start: Literal["ones", "uniform"]


class GaeaSettings(GenotypeSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of GAEA PC-DARTS."""

    search: GaeaSearch

    def check(self, sample_shape: tuple[int, ...], outputs: int, dense: bool) -> None:
        """Check the settings against the samples; the search needs two separate sets of them.

        Raises:
            KitError: they do not fit, the sets overlap, or the genotype is not of this space.
        """
        super().check(sample_shape, outputs, dense)
        if both := self.data.shared("search", "search_val"):
            raise KitError(
                "the search needs data that it does not train on, but 'search' holds samples of "
                f"""'search_val' ({", ".join(both)}); use """
                """-o 'data.split={search=["train", 0, 0.5], search_val=["train", 0.5, 1]}'"""
            )
        if self.search.channels % 4:
            raise KitError(f"search.channels is divisible by 4, not {self.search.channels}")


@dataclass(frozen=True, kw_only=True)
class GaeaInfo(GenotypeInfo):
    """Describes the mixtures of the search."""

    def mixtures(self, settings: Mapping[str, Any]) -> tuple[MixtureRows, ...]:
        """Return the operations of each edge, and the edges of each node."""
        del settings
        nodes = [(cell, INPUTS + number) for cell in CELLS for number in range(NODES)]
        edges = [f"{cell} {node}←{source}" for cell, node in nodes for source in range(node)]
        sources = tuple(f"←{source}" for source in range(INPUTS + NODES - 1))
        return (
            MixtureRows("alpha", OPERATIONS, tuple(edges)),
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
