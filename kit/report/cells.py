"""Measured cells: which runs fill a cell, and their mean."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from kit import method, task
from kit.errors import KitError
from kit.runs.records import Result
from kit.spec import PROFILES, PROTOCOLS, TIERS, Profile, Protocol, RunSpec, Tier

Key = tuple[str, str]


@dataclass(frozen=True)
class Measured:
    """A cell of the kit's own: one method on one task, seeds of one kind only.

    Attributes:
        mean: over the seeds; None where any of them has no value, which is never averaged away.
        std: sample standard deviation (n - 1); None for fewer than two values.
        values: per seed; None where the metric is not a number.
        settings: what a reduced profile changed, ``key=value``.
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

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that have a result."""
        return tuple(sorted(self.values))

    @property
    def defined(self) -> list[float]:
        """The values that are numbers."""
        return [value for value in self.values.values() if value is not None]

    @property
    def mean(self) -> float | None:
        """The mean, if every seed has a value."""
        whole = len(self.defined) == len(self.values)
        return statistics.fmean(self.defined) if whole else None

    @property
    def std(self) -> float | None:
        """The sample standard deviation, if every seed has a value and there are two."""
        whole = len(self.defined) == len(self.values) > 1
        return statistics.stdev(self.defined) if whole else None

    def __str__(self) -> str:
        if self.mean is None:
            return f"NaN ({len(self.values) - len(self.defined)}/{len(self.values)})"
        return number(self.mean, self.std)


def number(mean: float, std: float | None) -> str:
    """Return ``mean±std``, both to the second digit of the deviation; four digits without one."""
    if not std:
        return f"{mean:.4g}"
    leading = f"{std:.1e}"
    decimals = max(0, 1 - int(leading.partition("e")[2]))
    return f"{mean:.{decimals}f}±{std:.{decimals}f}"


def fill(
    results: Iterable[Result],
    *,
    profile: Profile | None = None,
    protocol: Protocol | None = None,
    tier: Tier | None = None,
) -> tuple[dict[Key, Measured], list[str]]:
    """Return the measured cell of each (task, method), and remarks on what was left out.

    Runs with overrides and runs of an outdated task or method fill no cell. Where a cell could be
    filled with several kinds of runs, the fullest profile is taken, then ``released``, then the
    best tier; kinds never mix.

    Raises:
        KitError: two valid runs stand for one seed of one cell.
    """
    kinds: dict[tuple[Key, Profile, Protocol, Tier], list[Result]] = defaultdict(list)
    remarks = []
    for result in results:
        spec = result.spec
        if (profile, protocol, tier) != (
            profile and spec.profile,
            protocol and spec.protocol,
            tier and spec.tier,
        ):
            continue
        reason = _unfit(spec)
        if reason is not None:
            remarks.append(f"{spec.folder} fills no cell: {reason}")
            continue
        key = (spec.task, spec.method)
        kinds[key, spec.profile, spec.protocol, spec.tier].append(result)
    cells: dict[Key, Measured] = {}
    for kind in sorted(kinds, key=_rank):
        if kind[0] not in cells:
            cells[kind[0]] = _cell(kinds[kind])
    return cells, remarks


def _unfit(spec: RunSpec) -> str | None:
    if spec.overrides:
        return f"it has overrides ({', '.join(spec.overrides)})"
    if spec.trial is not None:
        return "it is a trial"
    if spec.task not in task.names() or spec.method not in method.names():
        return "its task or method is not in this kit"
    for what, found, now in (
        ("task", spec.task_version, task.find(spec.task).version),
        ("method", spec.method_version, method.find(spec.method).version),
    ):
        if found != now:
            return f"{what} version {found}, now {now}"
    return None


def _rank(kind: tuple[Key, Profile, Protocol, Tier]) -> tuple[int, int, int]:
    _, profile, protocol, tier = kind
    return (PROFILES.index(profile), PROTOCOLS.index(protocol), TIERS.index(tier))


def _cell(results: Sequence[Result]) -> Measured:
    by_seed: dict[int, Result] = {}
    for result in results:
        other = by_seed.setdefault(result.spec.seed, result)
        if other is not result:
            raise KitError(
                f"two valid runs for one cell: {other.spec.folder} and {result.spec.folder}; "
                "move one of them out of the results folder"
            )
    first = results[0]
    metric = task.find(first.spec.task).metrics[0]
    return Measured(
        task=first.spec.task,
        method=first.spec.method,
        metric=metric,
        unit=first.metrics[metric].unit,
        profile=first.spec.profile,
        protocol=first.spec.protocol,
        tier=first.spec.tier,
        values={seed: by_seed[seed].metrics[metric].value for seed in sorted(by_seed)},
        settings=_reductions(first.spec),
    )


def _reductions(spec: RunSpec) -> tuple[str, ...]:
    """Return how the run's settings differ from those of profile ``paper``."""
    if spec.profile == "paper":
        return ()
    full = method.find(spec.method).settings(
        task.find(spec.task), spec.protocol, "paper", spec.tier
    )
    before = dict(_flat(msgspec.to_builtins(full)))
    after = dict(_flat(spec.settings))
    changed = (name for name in after if after[name] != before.get(name))
    return tuple(f"{name}={_plain(after[name])}" for name in changed)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + " ".join(_plain(each) for each in value) + "]"
    return str(value)
