"""``kit new``: folders for one's own."""

from __future__ import annotations

from pathlib import Path

import click


@click.group(name="new")
def command() -> None:
    """Begin a task of your own."""


@command.command(name="task")
@click.argument("name")
@click.option(
    "--from",
    "source",
    required=True,
    type=click.Path(path_type=Path),
    help="An .npz file with x, y and, if you like, split.",
)
def new_task(name: str, source: Path) -> None:
    """Make a task folder NAME from arrays; it runs as it is."""
    from kit import paths, task
    from kit.data.new_task import create
    from kit.errors import KitError

    if name in task.names():
        raise KitError(f"there is a task {name!r} already; choose another name")
    folder = create(name, source, paths.new_tasks())
    made = task.find(name)
    click.echo(f"{folder}: {made.kind}, samples {made.sample_shape}, {made.outputs} outputs")
    click.echo(f"now 'kit data prepare {name}' and 'kit run {name} dash --profile lite'")
