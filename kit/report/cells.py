"""What stands in a cell: measured by runs, or computed without one."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kit.papers import PublishedCell
from kit.spec import Kind, Profile, Protocol, Tier

# Beside a mean over seeds that were not made alike.
UNLIKE = "≠"


@dataclass(frozen=True)
class Measured:
    """A cell of the kit's own: one method on one task, seeds of one kind only.

    Attributes:
        metric: what was measured, in the form that is printed.
        values: per seed; None where the metric is not a number.
        settings: what a reduced profile changed, ``key=value``.
        duplicate_seeds: seeds that have several valid runs, which therefore have no value.
        mixed: whether the runs differ in their settings, so that they have no mean.
        others: runs of other kinds that the cell could have had.
        differs: in what the origins of its seeds differ: data, code, torch, device.
        devices: what the runs ran on.
        beside: where ``metric`` is as the released code computes it, the same by the metric's own
            definition.
        projected: how values of runs that have not ended were projected; empty where the stage
            has ended, so that nothing was projected; None for values of runs that have ended.
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
    duplicate_seeds: tuple[int, ...] = ()
    mixed: bool = False
    others: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    beside: Measured | None = field(default=None, repr=False)
    projected: str | None = None

    @property
    def kind(self) -> Kind:
        """Profile, protocol and tier of its runs."""
        return Kind(self.profile, self.protocol, self.tier)

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
        """Whether every seed has one run and a value, and all have the same settings."""
        complete = len(self.defined) == len(self.values) > 0
        return complete and not self.duplicate_seeds and not self.mixed

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
        if self.duplicate_seeds:
            return f"several runs of seed {', '.join(map(str, self.duplicate_seeds))}"
        if self.mixed:
            return "settings differ"
        if self.mean is None:
            return f"NaN ({len(self.values) - len(self.defined)}/{len(self.values)})"
        return number(self.mean, self.std) + (f" {UNLIKE}" if self.differs else "")

    @property
    def unlike(self) -> str:
        """What the mark beside the mean stands for, in words; empty where there is no mark."""
        return f"{UNLIKE} seeds differ in {', '.join(self.differs)}" if self.differs else ""


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
    # The paper may have rounded halves either way, and floats are seldom exactly at a half.
    agrees = abs(value - printed.value) <= 0.5 * 10.0**-digits + 1e-9
    return Computed(printed.mean if agrees else text, value, how, agrees)


def spread(values: Sequence[float], printed: PublishedCell | None, how: str) -> Computed:
    """Return mean and population deviation, and whether the printed mean is the mean.

    A single value has no deviation.

    Papers may have rounded each value before they took the mean, which then counts as theirs.
    """
    mean, std = statistics.fmean(values), statistics.pstdev(values)
    digits = 2
    if printed is not None and printed.value is not None:
        digits = max(len(printed.mean.partition(".")[2]), 2)
    text = f"{mean:.{digits}f}" + (f"±{std:.{digits}f}" if len(values) > 1 else "")
    means = [mean, statistics.fmean(round(value, digits) for value in values)]
    near = [rounded(each, printed, how).agrees for each in means]
    return Computed(text, mean, how, None if None in near else any(near))


def number(mean: float, std: float | None) -> str:
    """Return ``mean±std``, both to the second digit of the deviation; four digits without one.

    A deviation that is mere rounding error counts as none. Very large and very small ones are
    written with exponents.
    """
    if not std or std < 1e-12 * abs(mean):
        return f"{mean:.4g}"
    leading = f"{std:.1e}"
    exponent = int(leading.partition("e")[2])
    if not -9 < exponent < 6:
        largest = max(exponent, int(f"{mean:.1e}".partition("e")[2]) if mean else exponent)
        return f"{mean:.{largest - exponent + 1}e}±{leading}"
    decimals = max(0, 1 - exponent)
    return f"{mean:.{decimals}f}±{std:.{decimals}f}"
