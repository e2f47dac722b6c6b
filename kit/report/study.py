"""A study's table: each variant's scores, beside what the first variant has for the same seeds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kit import studies
from kit.columns import aligned
from kit.report.architectures import likeness
from kit.runs.records import Result
from kit.spec import Kind, Profile, Protocol, Tier
from kit.task import Task


@dataclass(frozen=True)
class VariantRow:
    """A variant.

    Attributes:
        title: what the study calls it, in words.
        values: of the task's first metric, by seed; those without one are left out.
        against: title of the variant that it is compared with; None for the first one.
        change: mean difference from that variant over the seeds that both have.
        interval: 95 % of ``change``, by Student's t over the seeds; None below two seeds.
        same: on how many of those seeds the architecture is that variant's.
        layers: share of the architecture's parts that are as in that variant, over those seeds.
        seconds: mean time at work in the search; None where there is none.
        missing: runs without a result.
    """

    title: str
    values: dict[int, float]
    against: str | None
    change: float | None
    interval: tuple[float, float] | None
    same: int | None
    layers: float | None
    seconds: float | None
    missing: int

    @property
    def mean(self) -> float | None:
        """The mean over seeds."""
        return statistics.fmean(self.values.values()) if self.values else None


@dataclass(frozen=True)
class StudyTable:
    """A study on one task."""

    title: str
    task: str
    metric: str
    unit: str
    profile: Profile
    protocol: Protocol
    tier: Tier
    seeds: tuple[int, ...]
    rows: tuple[VariantRow, ...]


def make(
    name: str,
    task: Task,
    results: Sequence[Result],
    seeds: Sequence[int],
    kind: Kind,
) -> StudyTable:
    """Return a study's table from the results that there are.

    Raises:
        KitError: there is no such study, or its method does not apply to the task.
    """
    study = studies.find(name)
    wanted = studies.specs(study, task, seeds, kind)
    by_id = {result.spec.id: result for result in results}
    found = {
        title: {spec.seed: by_id[spec.id] for spec in specs if spec.id in by_id}
        for title, specs in wanted.items()
    }
    first = study.variants[0].title
    rows = [
        _row(each, found, each.against or first, task.metrics[0], len(wanted[each.title]))
        for each in study.variants
    ]
    values = [run.metrics[task.metrics[0]] for runs in found.values() for run in runs.values()]
    return StudyTable(
        title=study.title,
        task=task.name,
        metric=task.metrics[0],
        unit=values[0].unit if values else "",
        **kind._asdict(),
        seeds=tuple(sorted({spec.seed for specs in wanted.values() for spec in specs})),
        rows=tuple(rows),
    )


def as_text(table: StudyTable) -> str:
    """Return the table for a terminal, with what it was made from below it."""
    rows = [_head(table), *_body(table)]
    lines = [f"{table.title} on {table.task}", "", aligned(rows), "", *_below(table), ""]
    return "\n".join(lines)


def as_markdown(table: StudyTable) -> str:
    """Return the table as GitHub's Markdown."""
    head = _head(table)
    rows = [head, ["---"] * len(head), *_body(table)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    notes = [f"- {line}" for line in _below(table)]
    return "\n".join([f"**{table.title} on {table.task}.**", "", *lines, "", *notes, ""])


def as_json(table: StudyTable) -> dict[str, Any]:
    """Return the table as plain values, those of JSON."""
    from dataclasses import asdict

    plain = asdict(table)
    for row, values in zip(plain["rows"], table.rows, strict=True):
        row["mean"] = values.mean
        row["values"] = {str(seed): value for seed, value in values.values.items()}
    return plain


def _row(
    variant: studies.StudyVariant,
    found: dict[str, dict[int, Result]],
    against: str,
    metric: str,
    wanted: int,
) -> VariantRow:
    runs, first = found[variant.title], found[against]
    scores = {seed: run.metrics[metric].value for seed, run in runs.items()}
    values = {seed: value for seed, value in scores.items() if value is not None}
    both = [seed for seed in runs if seed in first]
    started = {seed: first[seed].metrics[metric].value for seed in both}
    changes = [
        values[seed] - value
        for seed, value in started.items()
        if seed in values and value is not None
    ]
    searches = [
        run.stages["search"].active_seconds for run in runs.values() if "search" in run.stages
    ]
    alike = [likeness(runs[seed], first[seed]) for seed in both]
    return VariantRow(
        title=variant.title,
        values=values,
        against=variant.against,
        change=statistics.fmean(changes) if changes else None,
        interval=_interval(changes),
        same=sum(share == 1 for share in alike) if alike else None,
        layers=statistics.fmean(alike) if alike else None,
        seconds=statistics.fmean(searches) if searches else None,
        missing=wanted - len(runs),
    )


def _interval(values: Sequence[float]) -> tuple[float, float] | None:
    if len(values) < 2:
        return None
    from scipy.stats import t

    middle, spread = statistics.fmean(values), statistics.stdev(values) / len(values) ** 0.5
    reach = float(t.ppf(0.975, len(values) - 1)) * spread
    return middle - reach, middle + reach


def _head(table: StudyTable) -> list[str]:
    return ["", table.metric, "change", "95 % interval", "same choices", "search"]


def _body(table: StudyTable) -> list[list[str]]:
    return [_line(row, first=row is table.rows[0]) for row in table.rows]


def _below(table: StudyTable) -> list[str]:
    """Return how the numbers came about."""
    tier = "" if table.tier == "published" else " (not the papers' data)"
    missing = sum(row.missing for row in table.rows)
    others = [f"; {row.title} against {row.against}" for row in table.rows if row.against]
    below = [
        f"{table.metric} in {table.unit or '?'}, lower is better; seeds "
        f"{', '.join(map(str, table.seeds))}; profile {table.profile}, protocol "
        f"{table.protocol}, tier {table.tier}{tier}",
        f"compared with the first row, seed by seed{''.join(others)}",
        "change: its interval by Student's t over the seeds",
        "same choices: parts of the architecture that are the same, and whole architectures",
    ]
    if missing:
        runs = "run is" if missing == 1 else "runs are"
        below.append(f"{missing} {runs} missing; 'kit reproduce --study' makes what is missing")
    return below


def _line(row: VariantRow, *, first: bool) -> list[str]:
    if row.mean is None:
        return [row.title, "not run" if row.missing else "not defined", "", "", "", ""]
    spread = f"±{statistics.stdev(row.values.values()):.2g}" if len(row.values) > 1 else ""
    score = f"{row.mean:.4g}{spread} ({len(row.values)})"
    seconds = "none" if row.seconds is None else f"{row.seconds:.0f} s"
    if first or row.change is None or row.layers is None:
        return [row.title, score, "", "", "", seconds]
    interval = "" if row.interval is None else f"{row.interval[0]:+.2g} .. {row.interval[1]:+.2g}"
    same = f"{100 * row.layers:.0f} %, {row.same} whole"
    return [row.title, score, f"{row.change:+.3g}", interval, same, seconds]
