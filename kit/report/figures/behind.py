"""The runs of a figure that stand behind no table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kit.methods.nas_bench_201 import paper
from kit.methods.nas_bench_201.info import METHOD, SEED
from kit.report.figures import correlation
from kit.spec import Profile, Tier

PAPER = "nas-bench-360"


@dataclass(frozen=True)
class FigureRuns:
    """Which runs a figure takes.

    Attributes:
        tasks: whose they are, unless others of them are asked for.
        method: whose they are.
        seeds: unless others are asked for.
        overrides: of settings.
        under: more of them under a profile.
        tiers: of a task under a profile, where it is not the one that any run would take.
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
FIGURES = {"3": CELLS, "4": CELLS, correlation.NAME: SIZES}
"""Of the paper ``PAPER``, by name."""
