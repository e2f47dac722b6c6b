"""``kit reproduce --everything``: all tables and figures of both papers, what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypedDict

import click
import msgspec

from kit import columns
from kit.cli import plan_output, planning
from kit.cli.output import print_json
from kit.errors import KitError

if TYPE_CHECKING:
    from kit.cli.options import Placement
    from kit.plan.records import Plan
    from kit.report.grid import Cell, Table
    from kit.runs.records import Result
    from kit.spec import Profile, Protocol, Tier

Kind = Literal["table", "figure"]
State = Literal["filled from runs", "measured here", "computed", "not filled"]


@dataclass(frozen=True)
class Part:
    """A table or a figure of a paper."""

    paper: str
    kind: Kind
    name: str


# What 'kit reproduce' measures in its own process, without runs.
SECONDS = Part(planning.SPEED_TABLE[0], "table", str(planning.SPEED_TABLE[1]))
MEASURED = (SECONDS, *(Part(paper, "figure", name) for paper, name in planning.SPEED_TESTS))


class RunKind(TypedDict):
    """Which runs count; a tier of None stands for the best of each task."""

    profile: Profile
    protocol: Protocol
    tier: Tier | None


class Filled(msgspec.Struct, frozen=True):
    """What became of a part.

    Attributes:
        why: what it is filled from, or why it is not, in words.
    """

    paper: str
    kind: Kind
    name: str
    state: State
    why: str


def reproduce(
    form: str,
    dry_run: bool,
    placement: Placement,
    kind: RunKind,
    seeds: Sequence[int],
    retry_failed: bool,
) -> int:
    """Run and measure whatever is missing, print all of it and the list; return how many failed.

    Args:
        form: text, or json for the list alone.
        dry_run: show what there is to do, and stop.
        placement: where and how runs are made.
        kind: of all runs.
        seeds: of all runs; none for those of the papers.
        retry_failed: whether runs that failed before are made again.

    Raises:
        KitError: another format.
    """
    from kit.cli.reproduce import runs

    if form not in ("text", "json"):
        raise KitError("--everything is printed as text or json; 'kit table' has the others")
    made = plans(kind, seeds, retry_failed)
    whole = together(made)
    if dry_run:
        found = Contents(kind).listing(made, to_come=True)
        if form == "text":
            plan_output.show(whole, form, placement)
            click.echo(f"\n{text(found)}")
        else:
            places, _ = plan_output.places(placement)
            print_json({**plan_output.as_json(whole, places), "parts": found})
        return 0
    failed = runs.fill(whole, kind["profile"], placement)
    _measure(kind["profile"], kind["tier"], placement.device, placement.force)
    contents = Contents(kind)
    found = contents.listing(plans(kind, seeds, retry_failed))
    if form == "json":
        print_json(found)
        return failed
    for part in parts():
        contents.print(part)
    click.echo(text(found))
    return failed


def parts() -> list[Part]:
    """Return all tables and figures, paper by paper."""
    from kit import papers

    found = []
    for paper in papers.papers():
        found += [Part(paper, "table", str(number)) for number in papers.tables(paper)]
        found += [Part(paper, "figure", name) for name in planning.figures(paper)]
    return found


def plans(kind: RunKind, seeds: Sequence[int], retry_failed: bool) -> dict[Part, Plan]:
    """Return the plan of each part behind which there are runs: all that the kit can run."""
    return {
        part: planning.make(
            number=int(part.name) if part.kind == "table" else None,
            figure=part.name if part.kind == "figure" else None,
            study=None,
            paper=part.paper,
            tasks=(),
            methods=(),
            all_methods=True,
            seeds=seeds,
            retry_failed=retry_failed,
            **kind,
        )
        for part in parts()
        if part not in MEASURED and _has_runs(part)
    }


def together(made: Mapping[Part, Plan]) -> Plan:
    """Return one plan of several, with each run once, the longest first."""
    from kit.plan import longest_first
    from kit.plan.records import Plan

    runs = {run.spec.id: run for plan in made.values() for run in plan.runs}
    return Plan(
        runs=longest_first(runs.values()),
        data=list(dict.fromkeys(each for plan in made.values() for each in plan.data)),
        skipped=list(dict.fromkeys(each for plan in made.values() for each in plan.skipped)),
    )


class Contents:
    """What the tables and figures hold by the results that there are at this moment.

    Args:
        kind: of the runs that count.
    """

    def __init__(self, kind: RunKind) -> None:
        from kit.report.kinds import WantedKind

        self.profile, self.wanted = kind["profile"], WantedKind(**kind)
        self._tables: dict[Part, Table] = {}

    def table(self, part: Part) -> Table:
        """Return a table, filled once: some take a minute."""
        from kit.report import table

        if part not in self._tables:
            made = table.make(part.paper, int(part.name), self._results, wanted=self.wanted)
            self._tables[part] = made
        return self._tables[part]

    @cached_property
    def _results(self) -> list[Result]:
        from kit.runs.collect import collect

        return collect().results

    def listing(self, made: Mapping[Part, Plan], *, to_come: bool = False) -> list[Filled]:
        """Return what became of each part.

        Args:
            made: the plans as they are now.
            to_come: whether what is not there yet is told as what will be done.
        """
        found = []
        for part in parts():
            if part in MEASURED:
                state, why = _of_measurement(part, self.profile, to_come)
            elif part not in made:
                state, why = "computed", _cells(self.table(part))
            else:
                state, why = self._of_runs(part, made[part], to_come)
            found.append(Filled(part.paper, part.kind, part.name, state, why))
        return found

    def print(self, part: Part) -> None:
        """Print a table or a figure, or why there is none."""
        from kit.cli.commands.figure import measured_figure
        from kit.report import formats

        if part.kind == "table":
            click.echo(formats.render(self.table(part), "text"))
            return
        try:
            measured_figure(part.name, part.paper, "text", self.wanted)
        except KitError as error:
            click.echo(f"figure {part.name} of {part.paper}: {error}")
        click.echo()

    def _of_runs(self, part: Part, plan: Plan, to_come: bool) -> tuple[State, str]:
        left = [run for run in plan.runs if run.action != "keep"]
        count = f"{len(plan.runs) - len(left)} of {len(plan.runs)} runs"
        if to_come and left:
            return "filled from runs", f"{count} are done"
        missing = f"{left[0].spec}: {left[0].reason}" if left else ""
        if part.kind == "table":
            told = _cells(self.table(part))
        else:
            from kit.cli.commands.figure import measured

            told = ""
            try:
                measured(part.name, part.paper, self.wanted)
            except KitError as error:
                missing = missing or str(error)
        state: State = "not filled" if missing else "filled from runs"
        return state, "; ".join(filter(None, (count, told, missing)))


def text(found: Sequence[Filled]) -> str:
    """Return the list for a terminal."""
    rows = [(each.paper, f"{each.kind} {each.name}", each.state, each.why) for each in found]
    counts = Counter(each.state for each in found)
    total = ", ".join(f"{count} {state}" for state, count in counts.items())
    return f"{columns.aligned(rows)}\n\n{len(found)} tables and figures: {total}"


def _measure(profile: Profile, tier: Tier | None, device: str | None, force: bool) -> None:
    """Measure what is measured without runs, unless it was, by today's code and at this profile."""
    from kit.bench import epoch_times, step_times
    from kit.cli.reproduce import speed

    epochs = epoch_times.load(profile)
    if epochs is None or step_times.staleness(epochs.code):
        speed.epochs(profile, tier, device, force)
    for _, name in planning.SPEED_TESTS:
        steps = step_times.load(int(name), profile)
        if steps is None or step_times.staleness(steps.code):
            speed.steps(int(name), profile, tier, device, force)


def _has_runs(part: Part) -> bool:
    """Tell whether runs stand behind a part: all figures but speed tests have them."""
    from kit import papers

    if part.kind == "figure":
        return True
    return any(key.method for key in papers.layout(part.paper, int(part.name)).all_keys())


def _of_measurement(part: Part, profile: Profile, to_come: bool) -> tuple[State, str]:
    from kit.bench import epoch_times, step_times

    if part == SECONDS:
        found = epoch_times.load(profile)
        told = None if found is None else str(found)
    else:
        steps = step_times.load(int(part.name), profile)
        told = None if steps is None else steps.title
    if told is None:
        return ("measured here", "to be measured") if to_come else ("not filled", "not measured")
    return "measured here", told


def _cells(table: Table) -> str:
    """Count the cells of a table by what the kit has in them."""
    counts = Counter(_content(cell) for row in table.rows for cell in row.cells)
    return ", ".join(f"{counts[word]} cells {word}" for word in sorted(counts) if word)


def _content(cell: Cell) -> str:
    if cell.inapplicable:
        return "n/a"
    if cell.derived is not None or (cell.measured is not None and cell.measured.mean is not None):
        return "measured"
    if cell.computed is not None:
        return "computed"
    return "published only" if cell.published is not None else ""
