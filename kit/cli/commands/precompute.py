"""``kit precompute``: a table of all cells of NAS-Bench-201 on a task."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from kit.cli import options
from kit.columns import plural
from kit.errors import KitError

if TYPE_CHECKING:
    from kit.spec import Profile, Protocol, RunSpec, Tier

SPACES = ("nas-bench-201",)
# Bytes on disk of a cell's epoch: a line of the history, and its numbers in the table.
BYTES_PER_EPOCH = 400


@click.command(name="precompute")
@click.argument("space", type=click.Choice(SPACES))
@click.option("--task", "task_name", type=options.TASK, required=True, help="Task to train on.")
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help="Epochs of each cell. Default: that of the profile, 200 for paper.",
)
@click.option("--all-cells", is_flag=True, help="Train all 15,625 cells, not one of each class.")
@click.option(
    "--subset",
    type=click.IntRange(min=1),
    help="Train this many random cells, always the same ones; lite and smoke add all cells that "
    "are one edge away.",
)
@click.option(
    "--part", metavar="N/OF", help="Train one part only, such as 1/4 on the first of four machines."
)
@click.option(
    "--dry-run", is_flag=True, help="Show the number of cells and the time they take, and stop."
)
@options.profile
@options.protocol
@options.tier
@options.device
@options.threads
@options.trials_on
@options.force
def command(
    space: str,
    task_name: str,
    epochs: int | None,
    all_cells: bool,
    subset: int | None,
    part: str | None,
    dry_run: bool,
    profile: Profile,
    protocol: Protocol | None,
    tier: Tier | None,
    device: str | None,
    threads: int | None,
    trials_on: str | None,
    force: bool,
) -> None:
    """Train the cells of SPACE on a task, and store the results.

    This makes the run 'TASK nas-bench-201' with seed 777. If it is killed, the same command
    resumes it. The table is written to results/nas-bench-201 and never replaces one of another run.
    'kit cells merge' merges the tables of several parts.
    """
    from kit.cli import cells, in_process
    from kit.cli.specs import as_asked
    from kit.methods.nas_bench_201.info import SEED, TABLE
    from kit.runs.folder import RunFolder
    from kit.spaces.nas_bench_201.files import write
    from kit.spaces.nas_bench_201.table import Header

    overrides = [
        *([f"epochs={epochs}"] if epochs else []),
        *(['train="all"'] if all_cells else []),
        *([f"subset={subset}"] if subset else []),
        # An empty one, as from a shell variable that is not set, is refused, not taken for no part.
        *([f"part={list(_part(part))}"] if part is not None else []),
    ]
    (spec,) = as_asked(
        task_name,
        space,
        seeds=(SEED,),
        profile=profile,
        protocol=protocol,
        tier=tier,
        overrides=tuple(overrides),
    )
    if dry_run:
        _plan(spec)
        return
    file = cells.file_of(Header(spec.task, spec.settings["epochs"], spec.seed))
    if part:
        file = file.with_stem(f"{file.stem}-part-{part.replace('/', '-of-')}")
    if file.exists() and cells.read(str(file)).header.provenance.get("run") != spec.id:
        raise KitError(f"{file} is here already and not of this run; move it away first")
    in_process.run([spec], device=device, threads=threads, trials_on=trials_on, force=force)
    with cells.told():
        table = cells.read(str(RunFolder(spec).path / "artifacts" / TABLE))
        write(table, file)
    click.echo(f"{file}: {len(table)} cells")


def _part(text: str) -> tuple[int, int]:
    found = re.fullmatch("([0-9]{1,9})/([0-9]{1,9})", text)
    number, of = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= of:
        raise KitError(f"--part takes N/OF, such as 1/4, not {text!r:.80}")
    return number, of


def _plan(spec: RunSpec) -> None:
    """Print how many cells there are, and what is known of their hours and bytes."""
    from kit import method, task
    from kit.runs import trial_records
    from kit.runs.folder import RunFolder
    from kit.settings import convert
    from kit.spaces.nas_bench_201.cell import Cell
    from kit.spaces.nas_bench_201.costs import Counter

    the_task, info = task.find(spec.task), method.find(spec.method)
    settings: Any = convert(spec.settings, info.settings_type, str(spec))
    numbers = settings.trained()
    shape = settings.data.input_shape(the_task.sample_shape)
    counter = Counter(
        shape,
        the_task.outputs,
        dense=the_task.dense,
        channels=settings.channels,
        cells=settings.cells,
    )
    work = {n: counter.of(Cell.of(n)).multiply_adds for n in numbers}
    known = trial_records.read(trial_records.file_of(RunFolder(spec).path, "cells"))
    done = {n: known[place] for place, n in enumerate(numbers) if place in known}
    click.echo(f"{len(numbers)} cells of {plural(settings.epochs, 'epoch')}, {len(done)} trained")
    click.echo(f"{sum(work.values()) / len(work) / 1e6:.1f} M multiply-adds per sample on average")
    spent = sum(record.seconds for record in done.values())
    if done:
        left = sum(work.values()) - sum(work[n] for n in done)
        # Small networks take longer than their multiply-adds say: take the larger of two estimates.
        by_work = spent / max(1, sum(work[n] for n in done)) * left
        by_count = spent / len(done) * (len(numbers) - len(done))
        click.echo(f"about {max(by_work, by_count) / 3600:.1f} h left in one process")
    else:
        click.echo("the hours are known after the first cells are trained")
    size = len(numbers) * settings.epochs * BYTES_PER_EPOCH
    click.echo(f"about {size / 1e6:.0f} MB of histories")
