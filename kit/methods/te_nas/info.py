"""TE-NAS: cells found without training (Chen et al. 2021), evaluated as those of DARTS GAEA."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from kit.errors import KitError, unknown
from kit.methods.darts_gaea.genotypes import GenotypeInfo, GenotypeSettings
from kit.settings import Positive, refuse_repeats
from kit.spaces.darts.architecture import DartsCells
from kit.spaces.names import CANDIDATES
from kit.task import Task


class TeNasSearch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The search stage: two untrained supernets, pruned by rank until one path is left.

    Attributes:
        operations: those on each edge at the start; ``none`` cannot be among them.
        prune: operations removed from each edge in a round; one always stays.
        repeats: number of times that each choice is scored, of which the mean is taken.
        digits: decimal digits to which changes are rounded, and significant digits by which they
            are sorted.
        kernel_batch: samples of the tangent kernel.
        region_batches: batches of the count of linear regions.
        region_samples: samples of each of them.
        region_size: side of these samples, which are crops of one channel.
        initialisation: ``once`` keeps torch's initial weights: one draw for the kernels of a round,
            one for the regions of each choice [released: it asks for an initialisation by a name
            that it does not know]; ``anew`` draws Kaiming normal weights before each repeat,
            fan-out for the kernel and fan-in for the regions [paper].
        draws: whether each ``choice`` has its own samples and weights, for which the whole supernet
            is scored, too [released], or all choices of a ``round`` share them, at half the cost.
    """

    operations: Annotated[tuple[str, ...], Meta(min_length=1)]
    prune: Positive
    repeats: Positive
    digits: Positive
    kernel_batch: Annotated[int, Meta(ge=2, le=1 << 20)]
    region_batches: Positive
    region_samples: Positive
    region_size: Positive
    initialisation: Literal["once", "anew"]
    draws: Literal["choice", "round"]


class TeNasSettings(GenotypeSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of TE-NAS."""

    search: TeNasSearch

    def check(self, sample_shape: tuple[int, ...], outputs: int, dense: bool) -> None:
        """Check the settings against the samples.

        Raises:
            KitError: they do not fit, or an operation is unknown or there twice.
        """
        super().check(sample_shape, outputs, dense)
        refuse_repeats("search.operations", self.search.operations)
        for name in self.search.operations:
            if name not in CANDIDATES:
                raise unknown("operation in search.operations", name, CANDIDATES)
        shape = self.data.input_shape(sample_shape)
        if min(shape[1:]) < self.search.region_size:
            raise KitError(
                f"search.region_size = {self.search.region_size}: inputs are "
                f"{' × '.join(map(str, shape[1:]))}"
            )


class TeNasInfo(GenotypeInfo):
    """Applies to 2D tasks whose maps are not too small."""

    def applies(self, task: Task) -> str | None:
        """Return None if the method can take the task, else the reason why not."""
        if task.dims != 2:
            return "its linear regions are counted on small crops of images, and this task is 1D"
        return super().applies(task)


METHOD = TeNasInfo(
    name="te-nas",
    title="TE-NAS",
    version=1,
    stages=("search", "evaluate"),
    settings_type=TeNasSettings,
    dims=(2,),
    extends="darts-gaea",
    extended=("data", "evaluation", "reduction", "skip", "loss"),
    architecture=DartsCells(),
)
