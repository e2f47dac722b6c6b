"""What is printed in the end, from the results that there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from kit.cli import planning
from kit.errors import KitError, listed

if TYPE_CHECKING:
    from kit.cli.planning import Wanted
    from kit.report.kinds import WantedKind


def table(number: int, form: str, wanted: Wanted) -> None:
    """Print a table of a paper's, from runs of this profile, protocol and tier alone."""
    from kit.report import formats
    from kit.report import table as tables
    from kit.runs.collect import collect

    filled = tables.make(
        wanted["paper"],
        number,
        collect().results,
        wanted=_wanted_kind(wanted),
    )
    click.echo(formats.render(filled, form), nl=False)


def table_of_task(
    task_name: str,
    form: str,
    *,
    wanted: WantedKind,
    methods: Sequence[str] = (),
) -> None:
    """Print the table of a task.

    Raises:
        KitError: there is no such task, or several runs stand for a seed; it is printed all the
            same.
    """
    from kit import task
    from kit.report.own import formats, table
    from kit.runs.collect import collect

    found = collect()
    filled = table.make(
        task.find(task_name),
        found.results,
        rejected=found.rejected,
        methods=methods,
        wanted=wanted,
    )
    click.echo(formats.render(filled, form), nl=False)
    if filled.conflicts:
        raise KitError(listed(filled.conflicts, "; "))


def table_of_request(*, form: str, **request: Any) -> None:
    """Print the table of the task that was asked for, from runs of one kind."""
    from kit.report.kinds import WantedKind

    the_task, kind = planning.of_one_task(**request)
    names = planning.methods_on(the_task, request["methods"], request["all_methods"], kind)
    runnable = [name for name, reason in names if not reason]
    table_of_task(the_task.name, form, wanted=WantedKind(*kind), methods=runnable)


def figure(name: str, form: str, wanted: Wanted) -> None:
    """Print a figure of a paper's, from runs as those of ``table``."""
    from kit.cli.commands.figure import measured_figure

    measured_figure(name, wanted["paper"], form, _wanted_kind(wanted))


def study(name: str, form: str, wanted: Wanted) -> None:
    """Print a study of one task."""
    from kit.files import canonical_json
    from kit.report import study as studies
    from kit.runs.collect import collect

    check_form(form)
    the_task, kind = planning.of_one_task(**wanted)
    made = studies.make(name, the_task, collect().results, wanted["seeds"], kind)
    if form == "json":
        click.echo(canonical_json(studies.as_json(made)))
    else:
        render = studies.as_markdown if form == "md" else studies.as_text
        click.echo(render(made), nl=False)


def _wanted_kind(wanted: Wanted) -> WantedKind:
    """Return the kinds of runs that fill a table or a figure of a paper's."""
    from kit.report.kinds import WantedKind

    return WantedKind(wanted["profile"], wanted["protocol"] or "released", wanted["tier"])


def check_form(form: str) -> None:
    """Refuse a format that no study has.

    Raises:
        KitError: naming those that it has.
    """
    if form not in ("text", "md", "json"):
        raise KitError("a study is printed as text, md or json")
