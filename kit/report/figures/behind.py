"""Figures whose runs stand behind no table, and which runs those are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kit.methods.nas_bench_201 import paper
from kit.methods.nas_bench_201.info import METHOD, SEED
from kit.report.figures import correlation, operations, transfer
from kit.spec import Profile, Tier


@dataclass(frozen=True)
class FigureRuns:
    """Which runs a figure takes.

    Attributes:
        tasks: of the runs; only these can be asked for.
        method: of all runs.
        seeds: of each task, unless others are asked for.
        overrides: of settings, as for ``-o``.
        under: further overrides, by profile.
        tiers: preferred tier by task and profile, taken where its data are ready or can be made.
    """

    tasks: tuple[str, ...]
    method: str
    seeds: tuple[int, ...]
    overrides: tuple[str, ...] = ()
    under: Mapping[Profile, tuple[str, ...]] = field(default_factory=dict)
    tiers: Mapping[tuple[str, Profile], Tier] = field(default_factory=dict)


CELLS = FigureRuns(paper.TASKS, METHOD.name, (SEED,), under=paper.OVERRIDES, tiers=paper.TIERS)
SIZES = FigureRuns(
    tuple(correlation.published()), correlation.METHOD, correlation.SEEDS, (correlation.OVERRIDE,)
)
FIGURES = {
    (transfer.PAPER, transfer.NAME): CELLS,
    (operations.PAPER, operations.NAME): CELLS,
    (correlation.PAPER, correlation.NAME): SIZES,
}
"""By paper and name."""
