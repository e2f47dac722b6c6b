"""DenseNAS: search in densely connected blocks (Fang et al. 2020), as NAS-Bench-360 runs it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from kit.errors import KitError
from kit.method import MethodInfo
from kit.settings import (
    AboveZero,
    Amount,
    Count,
    OneShotSearch,
    Optimiser,
    Positive,
    Schedule,
    Speed,
    TrainingSettings,
)
from kit.spaces.densenas.blocks import Blocks, parse
from kit.spaces.densenas.table import SupernetTable, supernet_table

# The weights' samples are divided into parts, each of which gives a batch to every step.
PARTS = 4
Channels = tuple[Positive, Positive]
Operation = Literal["basic_block"]
Entry = tuple[Channels, Operation, tuple[Operation, ...], Count, Positive]


class DenseNasSearch(OneShotSearch, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The search stage: steps of weights and architecture in turn, all as in the released code.

    Attributes:
        batch_size: of the architecture's steps; the weights' steps see four such batches, from four
            fixed parts of their samples.
        warm_start: in these epochs the layers that learn are drawn uniformly.
        optimiser: of the weights.
        floor: the rate that the weights' cosine ends at.
        architecture: the optimiser of alphas and betas.
        temperature: of the softmax over the ways on from a block.
        cost_weight: of the logarithm of the expected cost, in millions of multiply-adds, in the
            loss of the architecture.
        cost_base: of that logarithm.
        cost_shape: (channels, *spatial) of the sample that costs are for; None for the task's.
        count_convolutions: whether convolutions count in the cost; the released code does not count
            those of 1D, so that the cost is a constant there.
        double_softmax: the weights of the ways to the tail pass a second softmax.
        architecture_on: what the architecture learns from: ``held-out`` samples, or those that the
            ``weights`` step sees (code, on Cosmic).
        idle_momentum: whether momentum and weight decay move layers that a step did not sample, as
            before torch 2, which sets unused gradients to None.
    """

    batch_size: Positive
    optimiser: Optimiser
    floor: Amount
    architecture: Optimiser
    temperature: AboveZero
    cost_weight: Amount
    cost_base: Annotated[float, Meta(gt=1, le=3.4e38)]
    cost_shape: tuple[Positive, ...] | None = None
    count_convolutions: bool = True
    double_softmax: bool = False
    architecture_on: Literal["held-out", "weights"] = "held-out"
    idle_momentum: bool = False


class DenseNasSettings(TrainingSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of DenseNAS; those of training are of the network that was found.

    Attributes:
        supernet: the name of one of NAS-Bench-360's supernets, or a table.
        floor: the rate that the cosine of the final training ends at.
        pad: zeros on each side of a sample.
        architecture: a chain of blocks, in place of a search; None to search.
        speed: options that make training faster; off in the paper's runs. The search uses only
            precision and layout, since its paths change from step to step.
    """

    supernet: str | SupernetTable
    search: DenseNasSearch
    floor: Amount
    pad: Count = 0
    architecture: tuple[Entry, ...] | None = None
    speed: Speed = Speed()

    def __post_init__(self) -> None:
        """Refuse architectures whose blocks do not fit together, and unknown supernets."""
        if self.architecture is not None:
            parse(self.architecture)
        if isinstance(self.supernet, str):
            supernet_table(self.supernet)

    @property
    def table(self) -> SupernetTable:
        """The supernet."""
        return supernet_table(self.supernet) if isinstance(self.supernet, str) else self.supernet

    def check(self, sample_shape: tuple[int, ...], outputs: int, dense: bool) -> None:
        """Check the settings against the samples; on dense tasks all maps keep the samples' size.

        Raises:
            KitError: they do not fit, naming what makes maps smaller; a schedule is given; or what
                the architecture learns from is trained on.
        """
        super().check(sample_shape, outputs, dense)
        both = self.data.shared("search", "search_val")
        if both and self.search.architecture_on == "held-out":
            raise KitError(
                "the search needs data that it does not train on, but 'search' holds samples of "
                f"""'search_val' ({", ".join(both)}); use """
                """-o 'data.split={search=["train", 0, 0.8], search_val=["train", 0.8, 1]}'"""
            )
        count = self.data.most("search")
        if count is not None and count < PARTS and self.architecture is None:
            raise KitError(
                f"by data.samples, 'search' has {count} samples, of which each step takes {PARTS}; "
                "raise data.samples, or give 'search' a larger share by data.split"
            )
        if self.schedule != Schedule():
            raise KitError(
                "schedule: the method itself sets the rate of every step, from "
                "optimiser.learning_rate down to floor"
            )
        shape = self.search.cost_shape
        if shape is not None and len(shape) != len(sample_shape):
            raise KitError(
                f"search.cost_shape: {list(shape)} is for {len(shape) - 1}D samples, and these are "
                f"{len(sample_shape) - 1}D"
            )
        if not dense:
            return
        for number, block in enumerate(parse(self.architecture) if self.architecture else (), 1):
            if block.stride != 1:
                raise KitError(
                    f"architecture, block {number}: stride {block.stride}, but the task asks "
                    "for an answer at every position"
                )
        if len(set(self.table.sizes)) > 1:
            raise KitError(
                f"supernet: its sizes {list(self.table.sizes)} change, but the task asks for an "
                "answer at every position; give one whose sizes are all the same"
            )


METHOD = MethodInfo(
    name="densenas",
    title="DenseNAS",
    version=2,
    stages=("search", "evaluate"),
    settings_type=DenseNasSettings,
    architecture=Blocks(),
)
