"""Verdicts: does a measured cell agree with a printed one, and how many seeds would tell.

``docs/verdict.md`` explains them; every metric of the papers is an error, lower is better.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kit.papers import PublishedCell
from kit.spec import Profile, Tier

Label = Literal["agrees", "better", "worse", "cannot tell", "cell in doubt"]

# The smallest difference that counts as one, in the metric's unit, fixed before any full-size run:
# two units of the last digit that the papers print for fractions, one percentage point for errors.
MARGINS = {
    "zero-one-error": 1.0,
    "false-negative-rate": 2.0,
    "one-minus-auroc": 0.02,
    "one-minus-f1": 0.02,
    "one-minus-map": 0.02,
    "relative-l2": 0.005,
    "mae8": 0.2,
}
LEVEL = 0.05  # of each of the three one-sided tests, hence an interval of 90 %
POWER = 0.8
MOST_SEEDS = 100
NEGLIGIBLE = 1e-100  # variance, so that two deviations of zero have degrees of freedom


@dataclass(frozen=True)
class Sample:
    """A mean over ``n`` seeds.

    Attributes:
        std: sample standard deviation; None where there is none.
        rounding: how far the true mean may be from ``mean``, which was printed rounded.
    """

    mean: float
    std: float | None
    n: int | None
    rounding: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """What can be said of a difference, measured minus published.

    Attributes:
        interval: of 90 %, by Welch, widened by the rounding of printed means; None without
            two deviations.
        margin: differences within it do not count; None for a metric that has none.
        power: the chance of ``agrees``, with the seeds there are, if there is no difference.
        seeds: how many seeds of one's own make that chance at least 0.8; None: not even 100.
        reason: why nothing can be told, or what is in doubt about the cell.
    """

    label: Label
    difference: float
    interval: tuple[float, float] | None
    margin: float | None
    power: float | None
    seeds: int | None
    reason: str | None


def verdict(
    published: PublishedCell,
    values: Sequence[float | None],
    *,
    metric: str,
    profile: Profile,
    tier: Tier,
    erratum: str | None = None,
) -> Verdict | None:
    """Return the verdict on a measured cell, or None where none is given.

    Args:
        published: the printed cell.
        values: one per seed, in the printed cell's unit; None where a seed has no number.
        metric: what was measured.
        profile: of the runs; any but ``paper`` has no verdict.
        tier: of the data; any but ``published`` has no verdict.
        erratum: what is wrong with the printed cell; it takes the verdict's place.

    Returns:
        None too where the metrics are not the same, or have no margin (hours, parameters), or
        a seed has no value.
    """
    numbers = [value for value in values if value is not None]
    if profile != "paper" or tier != "published" or published.metric != metric:
        return None
    if metric not in MARGINS or not numbers or len(numbers) < len(values):
        return None
    return judge(printed(published), measured(numbers), MARGINS[metric], erratum=erratum)


def printed(cell: PublishedCell) -> Sample:
    """Return a printed cell, its deviation as large as its digits allow."""
    std = None if cell.std is None else float(cell.std) + _half_digit(cell.std)
    return Sample(float(cell.mean), std, cell.n_runs, _half_digit(cell.mean))


def measured(values: Sequence[float]) -> Sample:
    """Return the mean and deviation of one's own seeds."""
    std = statistics.stdev(values) if len(values) > 1 else None
    return Sample(statistics.fmean(values), std, len(values))


def judge(
    reference: Sample,
    sample: Sample,
    margin: float | None,
    *,
    erratum: str | None = None,
    both: bool = False,
) -> Verdict:
    """Compare two means.

    Args:
        reference: the mean to compare with, such as the printed one.
        sample: one's own mean; ``difference`` is this minus the reference.
        margin: differences within it do not count; None for a metric without one.
        erratum: what is wrong with the reference; the verdict is then ``cell in doubt``.
        both: whether more seeds could be run for the reference, too.
    """
    difference = sample.mean - reference.mean
    interval = welch_interval(reference, sample)
    power = seeds = None
    if interval is None:
        label: Label = "cannot tell"
        reason: str | None = "an interval needs two seeds and a deviation on either side"
    else:
        if margin is not None:
            power, seeds = power_to_agree(reference, sample, margin, both=both)
        label, reason = _label(interval, margin, power, seeds)
    if erratum:
        label, reason = "cell in doubt", erratum
    return Verdict(label, difference, interval, margin, power, seeds, reason)


def welch_interval(reference: Sample, sample: Sample) -> tuple[float, float] | None:
    """Return the 90 % interval of sample minus reference; None where a deviation is missing."""
    from scipy.special import stdtrit

    if _unknown(reference) or _unknown(sample):
        return None
    error, freedom = _welch(reference, sample, reference.n, sample.n)
    half = float(stdtrit(freedom, 1 - LEVEL) * error) + reference.rounding + sample.rounding
    difference = sample.mean - reference.mean
    return difference - half, difference + half


def power_to_agree(
    reference: Sample, sample: Sample, margin: float, *, both: bool = False
) -> tuple[float, int | None]:
    """Return the power of ``agrees``, and the fewest seeds that give it 0.8.

    Power is the chance that the interval lies inside the margin if there is no difference, by
    the usual approximation with a central t, deviations taken as they are (at three seeds it is
    0.05 too high, from six on exact to 0.01). Seeds are added to the sample, and if ``both`` to
    the reference too; None: not even 100 suffice.
    """
    # All numbers are tried: beside a reference of few seeds, more of one's own can lower Welch's
    # degrees of freedom and with them the power.
    seeds = np.arange(2, MOST_SEEDS + 1)
    grown = _power(reference, sample, margin, seeds if both else reference.n, seeds)
    enough = np.flatnonzero(grown >= POWER)
    power = float(_power(reference, sample, margin, reference.n, sample.n))
    return power, int(seeds[enough[0]]) if len(enough) else None


def _power(reference: Sample, sample: Sample, margin: float, others: Any, own: Any) -> Any:
    from scipy.special import stdtr, stdtrit

    error, freedom = _welch(reference, sample, others, own)
    room = margin - reference.rounding - sample.rounding
    return np.maximum(2 * stdtr(freedom, room / error - stdtrit(freedom, 1 - LEVEL)) - 1, 0.0)


def _welch(reference: Sample, sample: Sample, others: Any, own: Any) -> tuple[Any, Any]:
    """Return the difference's standard error and degrees of freedom, for numbers of seeds."""
    assert reference.std is not None
    assert sample.std is not None
    left = reference.std**2 / others + NEGLIGIBLE
    right = sample.std**2 / own + NEGLIGIBLE
    freedom = (left + right) ** 2 / (left**2 / (others - 1) + right**2 / (own - 1))
    return np.sqrt(left + right), freedom


def _unknown(sample: Sample) -> bool:
    """Tell whether a sample says nothing of its spread."""
    return sample.std is None or sample.n is None or sample.n < 2


def summary(verdicts: Sequence[Verdict]) -> str:
    """Return in words how many cells have each verdict, and for how many more seeds would help."""
    counts = Counter(each.label for each in verdicts)
    said = [f"{counts['agrees']} of {len(verdicts)} cells agree"]
    said += [f"{counts[label]} {label}" for label in ("better", "worse") if counts[label]]
    open_ = [each for each in verdicts if each.label == "cannot tell"]
    if open_:
        seeds = sorted(each.seeds for each in open_ if each.seeds is not None)
        would = f"more seeds would help for {len(seeds)}"
        would += f": at most {seeds[-1]} seeds" if seeds else ""
        said.append(f"{len(open_)} cannot tell ({would})")
    if counts["cell in doubt"]:
        said.append(f"{counts['cell in doubt']} in doubt")
    return "; ".join(said)


def _label(
    interval: tuple[float, float], margin: float | None, power: float | None, seeds: int | None
) -> tuple[Label, str | None]:
    low, high = interval
    if margin is not None and -margin < low and high < margin:
        return "agrees", None
    if high < 0:
        return "better", None
    if low > 0:
        return "worse", None
    if margin is None or power is None:
        return "cannot tell", "the metric has no margin"
    if power >= POWER:
        return "cannot tell", "the difference is about as large as the margin"
    if seeds is None:
        return "cannot tell", f"not even {MOST_SEEDS} seeds would tell"
    return "cannot tell", f"too few seeds: {seeds} would tell"


def _half_digit(number: str) -> float:
    """Return half a unit of the last digit of a printed number."""
    return 0.5 * 10.0 ** -len(number.partition(".")[2])
