"""Measured cells: which runs fill a cell, and what stands in it."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec

from kit import method, task
from kit.errors import KitError
from kit.papers import PublishedCell
from kit.runs.records import Result
from kit.spec import PROFILES, PROTOCOLS, TIERS, Profile, Protocol, RunSpec, Tier

Kind = tuple[Profile, Protocol, Tier]
# What one run contributes to a cell: (value, None where it is not a number; unit).
Value = tuple[float | None, str]
Versions = Callable[[str, str], tuple[int, int] | None]


@dataclass(frozen=True)
class Runs:
    """The runs behind the cells of one method on one task: seeds of one kind only.

    Attributes:
        by_seed: one run each.
        twice: seeds that several valid runs stand for; none of them counts.
        others: runs of other kinds, ``3 of smoke-released on synthetic data``.
    """

    task: str
    method: str
    kind: Kind
    by_seed: Mapping[int, Result]
    twice: Mapping[int, Sequence[Result]]
    others: tuple[str, ...]


@dataclass(frozen=True)
class Measured:
    """A cell of the kit's own: one method on one task, seeds of one kind only.

    Attributes:
        metric: what was measured, in the form that is printed.
        values: per seed; None where the metric is not a number.
        settings: what a reduced profile changed, ``key=value``.
        twice: seeds that have several valid runs, which therefore have no value.
        others: runs of other kinds that the cell could have had.
        devices: what the runs ran on.
        beside: the metric in its own form, where ``metric`` is the form of the released code.
        projected: how values were projected from runs that have not ended; empty where only the
            run has not ended, but the stage has; None for values of whole runs.
    """

    task: str
    method: str
    metric: str
    unit: str
    profile: Profile
    protocol: Protocol
    tier: Tier
    values: Mapping[int, float | None]
    settings: tuple[str, ...]
    twice: tuple[int, ...] = ()
    others: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    beside: Measured | None = field(default=None, repr=False)
    projected: str | None = None

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that have a result."""
        return tuple(sorted(self.values))

    @property
    def defined(self) -> list[float]:
        """The values that are numbers."""
        return [value for value in self.values.values() if value is not None]

    @property
    def whole(self) -> bool:
        """Whether every seed has one run and a value."""
        return len(self.defined) == len(self.values) > 0 and not self.twice

    @property
    def mean(self) -> float | None:
        """The mean, if every seed has a value; a seed without one is never averaged away."""
        return statistics.fmean(self.defined) if self.whole else None

    @property
    def std(self) -> float | None:
        """The sample standard deviation (n - 1), if every seed has a value and there are two."""
        return statistics.stdev(self.defined) if self.whole and len(self.values) > 1 else None

    @property
    def provisional(self) -> str:
        """``projection`` or ``unfinished`` where runs have not ended, else nothing."""
        if self.projected is None:
            return ""
        return "projection" if self.projected else "unfinished"

    def __str__(self) -> str:
        if self.twice:
            return f"several runs of seed {', '.join(map(str, self.twice))}"
        if self.mean is None:
            return f"NaN ({len(self.values) - len(self.defined)}/{len(self.values)})"
        return number(self.mean, self.std)


@dataclass(frozen=True)
class Computed:
    """A cell that needs no run: from other cells, from a model, from a task's folder.

    Attributes:
        text: as it is printed.
        value: the number with all its digits; None for words.
        how: where it comes from.
        agrees: whether it is what the paper prints; None where the two are not to be compared.
    """

    text: str
    value: float | None
    how: str
    agrees: bool | None = None


def rounded(value: float, printed: PublishedCell | None, how: str) -> Computed:
    """Return a number with the digits that the paper prints, and whether they are the same."""
    if printed is None or printed.value is None:
        return Computed(f"{value:.4g}", value, how)
    digits = len(printed.mean.partition(".")[2])
    text = f"{value + 0.0:.{max(digits, 2)}f}"
    # Halves may have been rounded either way, and binary fractions lie beside them.
    agrees = abs(value - printed.value) <= 0.5 * 10.0**-digits + 1e-9
    return Computed(printed.mean if agrees else text, value, how, agrees)


def number(mean: float, std: float | None) -> str:
    """Return ``mean±std``, both to the second digit of the deviation; four digits without one."""
    if not std:
        return f"{mean:.4g}"
    leading = f"{std:.1e}"
    decimals = max(0, 1 - int(leading.partition("e")[2]))
    return f"{mean:.{decimals}f}±{std:.{decimals}f}"


def choose(
    results: Iterable[Result],
    *,
    profile: Profile | None = None,
    protocol: Protocol | None = None,
    tier: Tier | None = None,
) -> tuple[dict[tuple[str, str], Runs], list[str]]:
    """Return the runs behind each (task, method), and remarks on what was left out.

    Runs with overrides and runs of an outdated task or method fill no cell. Where a cell could be
    filled with several kinds of runs, the fullest profile is taken, then ``released``, then the
    best tier; kinds never mix.
    """
    kinds: dict[tuple[str, str], dict[Kind, list[Result]]] = defaultdict(lambda: defaultdict(list))
    remarks, unasked = [], 0
    versions = cache(current_versions)  # of this call: folders may come and go
    for result in results:
        spec = result.spec
        if reason := unfit(spec, versions):
            remarks.append(f"{spec.folder} fills no cell: {reason}")
        elif (profile or spec.profile, protocol or spec.protocol, tier or spec.tier) != _kind(spec):
            unasked += 1
        else:
            kinds[spec.task, spec.method][_kind(spec)].append(result)
    if unasked:
        remarks.append(f"{unasked} runs of a profile, protocol or tier that was not asked for")
    cells = {}
    for (task_name, method_name), found in sorted(kinds.items()):
        first, *others = sorted(found, key=rank)
        seeds: dict[int, list[Result]] = defaultdict(list)
        for result in found[first]:
            seeds[result.spec.seed].append(result)
        cells[task_name, method_name] = Runs(
            task=task_name,
            method=method_name,
            kind=first,
            by_seed={seed: same[0] for seed, same in sorted(seeds.items()) if len(same) == 1},
            twice={seed: same for seed, same in sorted(seeds.items()) if len(same) > 1},
            others=tuple(f"{len(found[kind])} of {_words(kind)}" for kind in others),
        )
    return cells, sorted(remarks)


def conflicts(runs: Iterable[Runs]) -> list[str]:
    """Return one line for each seed that several valid runs stand for; it names them."""
    lines = []
    for each in runs:
        for seed, same in each.twice.items():
            folders = " and ".join(sorted(str(result.spec.folder) for result in same))
            lines.append(
                f"{len(same)} valid runs for seed {seed} of one cell, none counts: {folders}; "
                "move all but one out of the results folder"
            )
    return lines


def measure(
    runs: Runs, metric: str, value: Callable[[Result, str], Value | None]
) -> Measured | None:
    """Return a cell from its runs, or None where none of them has such a value."""
    found = {seed: value(result, metric) for seed, result in runs.by_seed.items()}
    values = {seed: pair[0] for seed, pair in found.items() if pair is not None}
    units = {pair[1] for pair in found.values() if pair is not None}
    if not values and not runs.twice:
        return None
    profile, protocol, tier = runs.kind
    some = [*runs.by_seed.values(), *(result for same in runs.twice.values() for result in same)]
    return Measured(
        task=runs.task,
        method=runs.method,
        metric=metric,
        unit=" or ".join(sorted(units)),
        profile=profile,
        protocol=protocol,
        tier=tier,
        values=values,
        settings=reductions(some[0].spec),
        twice=tuple(runs.twice),
        others=runs.others,
        devices=tuple(sorted({result.provenance.device for result in some})),
    )


def score(result: Result, metric: str) -> Value | None:
    """Return a run's value of a metric, or None where it was not scored."""
    found = result.metrics.get(metric)
    return None if found is None else (found.value, found.unit)


def fill(
    results: Iterable[Result],
    *,
    profile: Profile | None = None,
    protocol: Protocol | None = None,
    tier: Tier | None = None,
) -> tuple[dict[tuple[str, str], Measured], list[str]]:
    """Return each (task, method)'s cell of the task's first metric, and remarks."""
    chosen, remarks = choose(results, profile=profile, protocol=protocol, tier=tier)
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
        return f"it has overrides ({', '.join(spec.overrides)})"
    if spec.trial is not None:
        return "it is a trial"
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


def reductions(spec: RunSpec) -> tuple[str, ...]:
    """Return how the run's settings differ from those of profile ``paper``."""
    if spec.profile == "paper":
        return ()
    info = method.find(spec.method)
    plain = info.settings(task.find(spec.task), spec.protocol, "paper", spec.tier)
    full = dict(_flat(msgspec.to_builtins(plain)))
    after = dict(_flat(spec.settings))
    return tuple(f"{name}={after[name]}" for name in after if after[name] != full.get(name))


def _kind(spec: RunSpec) -> Kind:
    return spec.profile, spec.protocol, spec.tier


def rank(kind: Kind) -> tuple[int, int, int]:
    """Return where a kind stands: the fullest profile first, ``released``, the best tier."""
    profile, protocol, tier = kind
    return PROFILES.index(profile), PROTOCOLS.index(protocol), TIERS.index(tier)


def _words(kind: Kind) -> str:
    profile, protocol, tier = kind
    return f"{profile}-{protocol} on {tier} data"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + " ".join(_plain(each) for each in value) + "]"
    return str(value)
