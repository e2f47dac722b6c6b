"""What fills the cells of a table: one module per kind, which a layout names as its ``cells``.

A module has ``fill(request) -> TableValues`` and ``ORIGIN``, what the cells come from in a word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kit.papers import Key, Layout, PublishedCell
from kit.report.cells import Computed, Measured
from kit.report.choice import Runs
from kit.report.kinds import ANY, WantedKind

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class TableRequest:
    """A table to be filled.

    Attributes:
        keys: what its cells are about; with methods that the paper has not, if the layout wants
            them.
        printed: the paper's cells.
        runs: those that were chosen for each (task, method).
        wanted: the kinds of runs that were asked for.
        progress: called with (done, total) where something takes long.
    """

    paper: str
    number: int
    layout: Layout
    keys: Sequence[Key]
    printed: Mapping[Key, PublishedCell]
    runs: Mapping[tuple[str, str], Runs]
    wanted: WantedKind = ANY
    progress: Progress = lambda *_: None


@dataclass(frozen=True)
class TableValues:
    """The kit's side of a table.

    Attributes:
        measured: cells that runs fill.
        computed: cells that follow from the paper's other cells, from a model, or from a folder.
        derived: cells that follow from measured ones.
    """

    measured: Mapping[Key, Measured] = field(default_factory=dict)
    computed: Mapping[Key, Computed] = field(default_factory=dict)
    derived: Mapping[Key, Computed] = field(default_factory=dict)
