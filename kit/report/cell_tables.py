"""Which tables of NAS-Bench-201 there are, and which of them stands for a data set in a figure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kit import task
from kit.columns import plural
from kit.errors import KitError
from kit.methods.nas_bench_201.info import METHOD, SUFFIX, TABLE, folder
from kit.methods.nas_bench_201.paper import TITLES
from kit.report.choice import unfit, without
from kit.report.kinds import ANY, WantedKind
from kit.runs.folder import RunFolder
from kit.runs.records import Result
from kit.spaces.nas_bench_201 import files
from kit.spaces.nas_bench_201.cell import COUNT
from kit.spaces.nas_bench_201.importance import errors
from kit.spaces.nas_bench_201.table import Numbers, Table, Whole
from kit.spec import Kind

# Settings that say which cells a run trains, and not how.
WHICH = ("train", "subset", "neighbours", "part")
# What a run's table says of itself in its provenance.
KIND = Kind._fields


@dataclass(frozen=True, eq=False)
class CellData:
    """What is known of cells on a data set.

    Attributes:
        name: in small letters alone, such as ``darcyflow``.
        tables: of one length, and of one kind of runs or archive, a seed each.
    """

    name: str
    tables: tuple[Table, ...]

    @property
    def title(self) -> str:
        """As a figure has it."""
        return TITLES.get(self.name) or _own_title(self.tables[0].header.task)

    @cached_property
    def errors(self) -> Numbers:
        """(15625,) final errors, means over seeds; NaN where not known."""
        return errors(self.tables)

    @cached_property
    def whole(self) -> bool:
        """Whether every cell is in a table."""
        return max(map(len, self.tables)) == COUNT

    @cached_property
    def points(self) -> Whole:
        """The cells with a known error that count one by one.

        All of them where the table is whole; else those that were trained, since of a subset some
        classes have very many cells.
        """
        known = np.flatnonzero(~np.isnan(self.errors))
        if self.whole:
            return known
        trained = np.unique(np.concatenate([each.trained for each in self.tables]))
        return np.intersect1d(known, trained)

    @property
    def told(self) -> str:
        """What it is, in words: how many cells, how long they were trained, on which data."""
        header = self.tables[0].header
        seeds = sorted(each.header.seed for each in self.tables)
        trained = max(len(each.curves["train-loss"]) for each in self.tables)
        size = f"all {COUNT:,} cells" if self.whole else f"subset of {trained:,} trained cells"
        if self.whole and trained < COUNT:
            size = f"all {trained:,} classes"
        kind = [header.provenance[name] for name in KIND if name in header.provenance]
        made = f"{', '.join(kind)} data" if len(kind) == len(KIND) else "imported"
        several = f"seeds {', '.join(map(str, seeds))}" if len(seeds) > 1 else f"seed {seeds[0]}"
        return f"{size}, {plural(header.epochs, 'epoch')}, {several}, {made}"


def gather(results: Sequence[Result], wanted: WantedKind = ANY) -> list[CellData]:
    """Return what is known of each data set, those of the papers first.

    Tables in results/nas-bench-201 and those that runs have left. Of one data set the tables of the
    kind asked for stand before imported ones; then the one with the most cells, then the longest
    training. Parts of one table are put together.

    Args:
        results: of all runs.
        wanted: kinds of runs that one's own tables are of.

    Raises:
        KitError: a table is damaged, or two contradict each other; one line.
    """
    asked = wanted._asdict()
    kinds: dict[str, dict[tuple[object, ...], list[Table]]] = defaultdict(lambda: defaultdict(list))
    for table in _tables(results):
        header, about = table.header, table.header.provenance
        own = "run" in about
        if own and any(value and about.get(name) != value for name, value in asked.items()):
            continue
        kind = tuple(about.get(name, "") for name in (*KIND, "network"))
        kinds[simple(header.task)][own, header.epochs, *kind].append(table)
    found = []
    for name in sorted(kinds, key=_order):
        made = [CellData(name, _merged(tables)) for tables in kinds[name].values()]
        found.append(max(made, key=lambda each: _standing(each, wanted != ANY)))
    return found


def simple(name: str) -> str:
    """Return the name of a data set in small letters and digits alone."""
    return "".join(each for each in name.lower() if each.isalnum())


def _order(name: str) -> tuple[int, str]:
    known = [*TITLES]
    return (known.index(name) if name in known else len(known)), name


def _standing(data: CellData, own_first: bool) -> tuple[bool, int, int]:
    header = data.tables[0].header
    size = int((~np.isnan(data.errors)).sum())
    return own_first and "run" in header.provenance, size, header.epochs


def _tables(results: Iterable[Result]) -> list[Table]:
    """Return all tables: files, then those of runs that train cells as the method does."""
    made = [
        RunFolder(each.spec).path / "artifacts" / TABLE
        for each in results
        if each.spec.method == METHOD.name and unfit(without(each.spec, WHICH)) is None
    ]
    seen: set[tuple[str, int, int]] = set()
    found = []
    for file in (*sorted(folder().glob(f"*{SUFFIX}")), *(each for each in made if each.exists())):
        try:
            table = files.read(file)
        except ValueError as error:
            raise KitError(str(error)) from None
        run = table.header.provenance.get("run")
        key = (run or str(file), table.header.epochs, table.header.seed)
        if key not in seen:  # a run's table may have been copied
            seen.add(key)
            found.append(table)
    return found


def _merged(tables: Sequence[Table]) -> tuple[Table, ...]:
    seeds: dict[int, list[Table]] = defaultdict(list)
    for each in tables:
        seeds[each.header.seed].append(each)
    try:
        return tuple(
            same[0] if len(same) == 1 else files.merged(same) for _, same in sorted(seeds.items())
        )
    except ValueError as error:
        raise KitError(
            f"tables of {tables[0].header.task} contradict each other: {error}"
        ) from None


def _own_title(name: str) -> str:
    return task.find(name).title if name in task.names() else name
