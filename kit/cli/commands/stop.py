"""``kit stop``: end runs, or a whole sweep."""

from __future__ import annotations

import click

from kit.cli import options
from kit.cli.output import unheard
from kit.columns import plural


@click.command(name="stop")
@click.argument("run", type=options.RUN, required=False)
def command(run: str | None) -> None:
    """Stop RUN, or every sweep if no RUN is given.

    RUN is the folder of a run, TASK/METHOD/SEED, the beginning of its id, or TASK/METHOD for
    several runs. The same 'kit reproduce' or 'kit run' resumes what was stopped.
    """
    from kit.engines import stop
    from kit.errors import KitError
    from kit.runs import find

    if run is None:
        swept, left, in_slurm = stop.stop_sweeps()
        left_over = f"{plural(left, 'run')} left over from killed sweeps"
        click.echo(f"{plural(swept, 'sweep')} stopped, and {left_over}")
        if in_slurm:
            click.echo(f"{plural(in_slurm, 'run')} taken out of Slurm")
        return
    stopped = 0
    refused: list[KitError] = []
    with unheard() as say:
        for folder in find.find(run):
            with stop.collected(refused):
                if stop.stop_run(folder):
                    say(f"stopped {folder}")
                    stopped += 1
        if refused:
            raise refused[0]
        if not stopped:
            raise KitError(f"no run {run!r} is at work; see 'kit status'")
