"""Every cell of NAS-Bench-201 trained, then the best one (NAS-Bench-360, section 5)."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from kit import paths
from kit.errors import KitError
from kit.method import MethodInfo
from kit.settings import Count, Positive, TrainingSettings
from kit.spaces.nas_bench_201.architecture import Cell201
from kit.spaces.nas_bench_201.cell import CLASSES, COUNT, Cell, classes

SEED = 777
"""Seed of the published tables."""
SUFFIX = ".parquet"
"""Suffix of a table's file."""
TABLE = f"cells{SUFFIX}"
"""Name of the table among a run's artifacts."""
# Seed of the random subset, which is the same in every profile.
SUBSET_SEED = 360


def folder() -> Path:
    """Return the folder of all tables, imported or made by runs."""
    return paths.results() / "nas-bench-201"


class NasBench201Settings(TrainingSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How cells are trained, and which ones.

    Attributes:
        channels: of the first stage.
        cells: number per stage.
        train: ``classes`` trains the first cell of each class of isomorphic ones, to which the
            others point; ``all`` trains every cell, as for the published tables.
        subset: train only this many cells, always the same random ones; 0 for all.
        neighbours: with a subset, whether to train also all cells that differ from one of it on one
            edge, which the importance of operations is computed from.
        part: (number, of): train only one of several equal parts, so that machines can share them.
        scored: the data on which cells are evaluated after each epoch and the best is chosen: the
            test data, or training data that is held out.
        architecture: a cell to train, in place of all; None to train all.
    """

    channels: Positive = 16
    cells: Positive = 5
    train: Literal["classes", "all"] = "classes"
    subset: Count = 0
    neighbours: bool = False
    part: tuple[Positive, Positive] = (1, 1)
    scored: Literal["test", "tune_val"] = "tune_val"
    architecture: Annotated[str, Meta(max_length=200)] | None = None

    def check(self, sample_shape: tuple[int, ...], outputs: int, dense: bool) -> None:
        """Check the settings against the samples and the space.

        Raises:
            KitError: they do not fit.
        """
        super().check(sample_shape, outputs, dense)
        whole = CLASSES if self.train == "classes" else COUNT
        if self.subset > whole:
            raise KitError(f"subset: there are {whole:,} cells to draw from; 0 trains all")
        if self.part[0] > self.part[1]:
            raise KitError(f"part: there is no part {self.part[0]} of {self.part[1]}")
        if self.part[1] > 1 and not self.trained():
            raise KitError(f"part: there are too few cells for a part {self.part[0]}")
        if self.architecture is not None:
            try:
                Cell201().check(self.architecture)
            except ValueError as error:
                raise KitError(f"architecture: {error}") from None

    def trained(self) -> list[int]:
        """Return the numbers of the cells that are trained, ascending."""
        first, step = self.part
        return self.asked()[first - 1 :: step]

    def asked(self) -> list[int]:
        """Return the numbers of the cells that all parts train together, ascending."""
        shared = self.train == "classes"
        numbers = sorted(set(classes())) if shared else [*range(COUNT)]
        if 0 < self.subset < len(numbers):
            drawn = random.Random(SUBSET_SEED).sample(numbers, self.subset)
            if self.neighbours:
                drawn += [near.index for each in drawn for near in Cell.of(each).neighbours()]
            numbers = sorted({classes()[each] for each in drawn} if shared else {*drawn})
        return numbers


METHOD = MethodInfo(
    name="nas-bench-201",
    title="NAS-Bench-201",
    version=2,
    stages=("cells", "final"),
    settings_type=NasBench201Settings,
    architecture=Cell201(),
)
