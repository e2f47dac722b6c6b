"""``kit bench search``: epochs of DASH's search."""

from __future__ import annotations

from collections.abc import Callable

import click

from kit.cli import options
from kit.cli.commands.bench.shared import clock, device, methods, rounds, threads
from kit.cli.output import print_json
from kit.errors import unknown


@click.command(name="search")
@click.option(
    "--task",
    "tasks",
    multiple=True,
    type=options.TASK,
    help="Only this task; may be repeated. Default: a 2D and a 1D task.",
)
@methods
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    help="Samples per step. Default: 8 for 1D tasks, 2 for 2D tasks.",
)
@click.option(
    "--batches", type=click.IntRange(min=1), default=2, show_default=True, help="Steps per epoch."
)
@threads
@rounds(3)
@device
@clock
@options.formats("text", "json")
def bench_search(
    tasks: tuple[str, ...],
    methods: tuple[str, ...],
    batch: int | None,
    batches: int,
    threads: int | None,
    rounds: int,
    device: str,
    clock: Callable[[], float],
    form: str,
) -> None:
    """Measure epochs of DASH's search and retraining.

    The search is measured for each method of the kernel, and compared with training the plain
    backbone on the same batches. The retraining is compared with a plain torch loop. Samples have
    the task's full shape, and the time includes all that a run does, such as loading data and both
    optimisers.
    """
    from kit import task
    from kit.bench import search as bench
    from kit.cli.preparing import prepare
    from kit.cli.progress import bar
    from kit.data import preparing
    from kit.ops import METHODS
    from kit.plan.data import data_of

    for name in methods:
        if name not in (*METHODS, "auto"):
            raise unknown("method", name, (*METHODS, "auto"))
    rows = []
    chosen = [task.find(name) for name in tasks or bench.TASKS]
    tiers = [preparing.choose_tier(each, bench.PROFILE, None) for each in chosen]
    for each, tier in zip(chosen, tiers, strict=True):
        prepare(data_of(each, tier, bench.PROFILE), bench.PROFILE)
    with bar("search epoch") as progress:
        for number, (each, tier) in enumerate(zip(chosen, tiers, strict=True)):
            progress(number, len(chosen))
            rows += bench.measure(
                each.name,
                tier,
                methods or bench.STRATEGIES,
                batch_size=batch,
                batches=batches,
                threads=threads,
                rounds=rounds,
                device=device,
                clock=clock,
            )
    if form == "json":
        print_json(rows)
        return
    for row in rows:
        what = f"{row['task']}, {row['epoch']} ({row['batches']} batches of {row['batch_size']})"
        click.echo(f"{what:58} {row['method']:14} {row['seconds']:9.3f} s  {row['ratio']:7.2f} x")
