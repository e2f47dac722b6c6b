"""Which runs fill a cell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import msgspec

from kit import method, task
from kit.columns import plural
from kit.data.prepared import OTHER_DATA, is_current
from kit.errors import KitError, listed
from kit.report.cells import Measured
from kit.report.kinds import ANY, WantedKind, rank, words
from kit.runs.records import Result
from kit.spec import Kind, RunSpec, brief, flat

# What one run contributes to a cell: (value, None where it is not a number; unit).
Value = tuple[float | None, str]
Versions = Callable[[str, str], tuple[int, int] | None]
# Up to how many remarks on runs that fill no cell are printed one by one.
MANY = 3


@dataclass(frozen=True)
class Runs:
    """The runs behind the cells of one method on one task: seeds of one kind only.

    Attributes:
        by_seed: one run each.
        duplicate_seeds: seeds that several valid runs stand for; none of them counts.
        mixed: whether they differ in their settings, which the method's files had changed.
        differs: in what their origins differ, in words: data, code, torch, device.
        others: runs of other kinds, ``3 of smoke-released on synthetic data``.
    """

    task: str
    method: str
    kind: Kind
    by_seed: Mapping[int, Result]
    duplicate_seeds: Mapping[int, Sequence[Result]]
    mixed: bool
    others: tuple[str, ...]
    differs: tuple[str, ...] = ()

    @property
    def results(self) -> list[Result]:
        """All runs, those of which only one can count included."""
        several = (result for same in self.duplicate_seeds.values() for result in same)
        return [*self.by_seed.values(), *several]


def choose(
    results: Iterable[Result], wanted: WantedKind = ANY
) -> tuple[dict[tuple[str, str], Runs], list[str]]:
    """Return the runs behind each (task, method), and remarks on what was left out.

    Runs with overrides and runs of an outdated task or method fill no cell. Where a cell could be
    filled with several kinds of runs, the fullest profile is taken, then ``released``, then the
    best tier; kinds never mix.
    """
    kinds: dict[tuple[str, str], dict[Kind, list[Result]]] = defaultdict(lambda: defaultdict(list))
    remarks, unasked = [], 0
    versions = cache(current_versions)  # for this call only: tasks and methods may be added later
    for result in results:
        spec = result.spec
        if reason := unfit(spec, versions):
            remarks.append(f"{spec.folder} fills no cell: {reason}")
        elif not wanted.includes(spec.kind):
            unasked += 1
        else:
            kinds[spec.task, spec.method][spec.kind].append(result)
    if unasked:
        remarks.append(
            f"{plural(unasked, 'run')} of a profile, protocol or tier that was not asked for"
        )
    return {key: _runs(*key, found) for key, found in sorted(kinds.items())}, sorted(remarks)


def _runs(task_name: str, method_name: str, kinds: Mapping[Kind, Sequence[Result]]) -> Runs:
    """Return the runs of the kind that is first by ``rank``, seed by seed."""
    first, *others = sorted(kinds, key=rank)
    found = kinds[first]
    seeds: dict[int, list[Result]] = defaultdict(list)
    for result in sorted(found, key=lambda result: result.spec.seed):
        seeds[result.spec.seed].append(result)
    return Runs(
        task=task_name,
        method=method_name,
        kind=first,
        by_seed={seed: same[0] for seed, same in seeds.items() if len(same) == 1},
        duplicate_seeds={seed: same for seed, same in seeds.items() if len(same) > 1},
        mixed=any(result.spec.settings != found[0].spec.settings for result in found),
        others=tuple(f"{len(kinds[kind])} of {words(kind)}" for kind in others),
        differs=_differences(found),
    )


def outdated(runs: Iterable[Runs]) -> list[tuple[str, str]]:
    """Return which (task, method) have a run on data that were replaced since.

    Such runs were trained and scored on other samples than those that are made now.
    """
    found = []
    for each in runs:
        data = {result.provenance.data for result in each.results}
        now = task.find(each.task), each.kind.tier, each.kind.profile
        if not all(is_current(digest, *now) for digest in data):
            found.append((each.task, each.method))
    return found


def in_short(remarks: Sequence[str]) -> list[str]:
    """Return remarks; many of them on runs that fill no cell are counted in a single one."""
    idle = [line for line in remarks if " fills no cell: " in line]
    if len(idle) <= MANY:
        return list(remarks)
    rest = [line for line in remarks if line not in idle]
    return [*rest, f"{len(idle)} runs fill no cell; the first: {idle[0]}"]


def conflicts(runs: Iterable[Runs]) -> list[str]:
    """Return one line for each seed, or cell, that several runs stand for; it names them."""
    mend = "move what does not belong there out of the results folder"
    lines = []
    for each in runs:
        for seed, same in each.duplicate_seeds.items():
            several = f"{len(same)} valid runs for seed {seed} of one cell, none counts"
            lines.append(f"{several}: {_folders(same)}; {mend}")
        if each.mixed and not each.duplicate_seeds:
            several = "runs of one cell differ in their settings, so that it has no mean"
            lines.append(f"{several}: {_folders(each.by_seed.values())}; {mend}")
    return lines


def measure(
    runs: Runs, metric: str, value: Callable[[Result, str], Value | None]
) -> Measured | None:
    """Return a cell from its runs, or None where none of them has such a value."""
    found = {seed: value(result, metric) for seed, result in runs.by_seed.items()}
    values = {seed: pair[0] for seed, pair in found.items() if pair is not None}
    units = {pair[1] for pair in found.values() if pair is not None}
    if not values and not runs.duplicate_seeds:
        return None
    some = runs.results
    return Measured(
        task=runs.task,
        method=runs.method,
        metric=metric,
        unit=" or ".join(sorted(units)),
        profile=runs.kind.profile,
        protocol=runs.kind.protocol,
        tier=runs.kind.tier,
        values=values,
        settings=reductions(some[0].spec),
        duplicate_seeds=tuple(runs.duplicate_seeds),
        mixed=runs.mixed,
        others=runs.others,
        differs=runs.differs,
        devices=tuple(sorted({result.provenance.device for result in some})),
    )


def score(result: Result, metric: str) -> Value | None:
    """Return a run's value of a metric, or None where it was not scored."""
    found = result.metrics.get(metric)
    return None if found is None else (found.value, found.unit)


def fill(
    results: Iterable[Result], wanted: WantedKind = ANY
) -> tuple[dict[tuple[str, str], Measured], list[str]]:
    """Return each (task, method)'s cell of the task's first metric, and remarks."""
    chosen, remarks = choose(results, wanted)
    remarks += [f"{' '.join(key)}: {OTHER_DATA}" for key in outdated(chosen.values())]
    cells = {
        key: measure(runs, task.find(key[0]).metrics[0], score) for key, runs in chosen.items()
    }
    return {key: cell for key, cell in cells.items() if cell is not None}, remarks


def current_versions(task_name: str, method_name: str) -> tuple[int, int] | None:
    """Return the versions of a task and a method here, or None where one of them is not here."""
    try:
        return task.find(task_name).version, method.find(method_name).version
    except KitError:
        return None


def unfit(spec: RunSpec, versions: Versions = current_versions) -> str | None:
    """Return why a run fills no cell, or None; ``versions`` as ``current_versions``."""
    if spec.overrides:
        return f"it has overrides ({', '.join(map(brief, spec.overrides))})"
    known = versions(spec.task, spec.method)
    if known is None:
        return "its task or method is not in this kit"
    for what, found, now in (
        ("task", spec.task_version, known[0]),
        ("method", spec.method_version, known[1]),
    ):
        if found != now:
            return f"{what} version {found}, now {now}"
    return None


def without(spec: RunSpec, settings: Collection[str]) -> RunSpec:
    """Return a spec without its overrides of these settings, to be asked whether it is unfit."""
    kept = (each for each in spec.overrides if each.partition("=")[0].strip() not in settings)
    return msgspec.structs.replace(spec, overrides=tuple(kept))


def reductions(spec: RunSpec) -> tuple[str, ...]:
    """Return how the run's settings differ from those of profile ``paper``.

    A method of one's own may have no valid ones on this task, which is told instead.
    """
    if spec.profile == "paper":
        return ()
    info = method.find(spec.method)
    try:
        plain = info.settings(task.find(spec.task), spec.protocol, "paper", spec.tier)
    except KitError as error:
        return (f"those of profile paper are not valid: {error}",)
    full = dict(flat(msgspec.to_builtins(plain)))
    after = dict(flat(spec.settings))
    return tuple(f"{name}={after[name]}" for name in after if after[name] != full.get(name))


def _differences(results: Sequence[Result]) -> tuple[str, ...]:
    """Return in what the origins of runs differ that stand for seeds of one cell."""
    origins = [result.provenance for result in results]
    told = {"data": {each.data for each in origins}, "code": {each.code_hash for each in results}}
    differs = [name for name, found in told.items() if len(found) > 1]
    shown = {
        "torch": {each.torch for each in origins},
        "device": {each.device for each in origins},
        "processor": {each.processor for each in origins if each.processor},
    }
    for name, found in shown.items():
        if len(found) > 1:
            differs.append(f"{name} ({', '.join(sorted(found))})")
    return tuple(differs)


def _folders(results: Iterable[Result]) -> str:
    return listed(sorted(str(result.spec.folder) for result in results), " and ")


def main_kind(results: Iterable[Result], wanted: WantedKind) -> Kind | None:
    """Return the kind of runs that most methods have, among those that are asked for.

    Of kinds that equally many methods have it is the first by ``rank``; None where no run fills a
    cell.
    """
    found: dict[Kind, set[str]] = defaultdict(set)
    for spec in (result.spec for result in results if unfit(result.spec) is None):
        if wanted.includes(spec.kind):
            found[spec.kind].add(spec.method)
    return min(found, key=lambda kind: (-len(found[kind]), rank(kind)), default=None)
