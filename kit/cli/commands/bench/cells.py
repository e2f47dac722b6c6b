"""``kit bench cells``: cells trained together."""

from __future__ import annotations

import click

from kit.cli import options
from kit.cli.commands.bench.shared import rounds
from kit.cli.output import print_json
from kit.spec import Profile, Tier


@click.command(name="cells")
@click.option("--task", "task_name", type=options.TASK, required=True, help="Task to train on.")
@click.option(
    "--profile",
    type=click.Choice(["lite", "smoke"]),
    default="lite",
    show_default=True,
    help="Size of the runs.",
)
@options.tier
@click.option(
    "--processes",
    type=click.IntRange(min=2),
    default=2,
    show_default=True,
    help="Number of processes.",
)
@click.option(
    "--cells", type=click.IntRange(min=4), default=26, show_default=True, help="Number of cells."
)
@rounds(3)
@options.formats("text", "json")
def bench_cells(
    task_name: str,
    profile: Profile,
    tier: Tier | None,
    processes: int,
    cells: int,
    rounds: int,
    form: str,
) -> None:
    """Measure the training of NAS-Bench-201 cells in parallel.

    The output compares several processes with one, and has the kit's overhead per cell.
    """
    from kit import task
    from kit.cli.preparing import prepare_task
    from kit.cli.progress import bar
    from kit.engines import measure_cells

    chosen = prepare_task(task.find(task_name), profile, tier)
    with bar("cells") as progress:
        rows = measure_cells.measure(
            task_name,
            profile,
            chosen,
            processes=processes,
            cells=cells,
            rounds=rounds,
            progress=progress,
        )
    if form == "json":
        print_json(rows)
        return
    for row in rows:
        target = "" if row["target"] is None else f"  (wanted: {row['target']:g})"
        click.echo(f"{row['case']:42} {row['value']:8.3f} {row['unit']}{target}")
