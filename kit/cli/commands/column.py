"""``kit column``: all methods on one task, measured beside printed, with their order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kit.cli import options
from kit.cli.output import save_figure


@click.command(name="column")
@click.argument("name", metavar="TASK", type=options.TASK)
@options.only
@options.figure_file
@options.formats("text", "md", "json")
def command(name: str, output: Path | None, form: str, **kind: Any) -> None:
    """Compare all methods on TASK with the published results.

    For each method, the table has the error, the seconds, and the place in the order of methods,
    measured and published. Nothing is run: 'kit reproduce --task TASK --all-methods' makes the
    runs. By default, the profile, protocol and tier are those that most methods have.
    """
    from kit import task
    from kit.errors import KitError
    from kit.files import canonical_json
    from kit.report import column, column_formats
    from kit.report.figures.column import draw
    from kit.report.kinds import WantedKind
    from kit.runs.collect import collect

    made = column.make(task.find(name), collect().results, WantedKind(**kind))
    if output is not None and not made.rows:
        raise KitError(f"there is nothing to draw; {column_formats.notes(made)[0]}")
    save_figure(lambda: draw(made), output)
    if form == "json":
        click.echo(canonical_json(column_formats.as_json(made)))
    else:
        render = column_formats.as_markdown if form == "md" else column_formats.as_text
        click.echo(render(made), nl=False)
