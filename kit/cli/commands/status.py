"""``kit status``: the runs as they stand."""

from __future__ import annotations

import sys
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from kit.cli import options, states
from kit.cli.output import print_json
from kit.columns import duration, plural

if TYPE_CHECKING:
    from kit.runs.states import RunState
    from kit.runs.sweeps import Sweep

SECONDS_BETWEEN_PICTURES = 1.0
# In the order of the listing; of those left over, how many are listed.
ORDER = ("running", "starting", "failed", "cancelled", "stopped", "queued", "succeeded")
LISTED = {"queued": 10, "succeeded": 0}


@click.command(name="status")
@click.option("--watch", is_flag=True, help="Update every second, until Ctrl-C.")
@click.option("--all", "every", is_flag=True, help="Also list all runs that are done or queued.")
@options.formats("text", "json")
def command(watch: bool, every: bool, form: str) -> None:
    """Show the state of all runs, and the time that they still take."""
    if form == "json":
        print_json(_json())
        return
    if not (watch and sys.stdout.isatty()):
        rows, line = _picture(every)
        click.echo(f"{states.text(rows)}\n{line}" if rows else line)
        return
    _watch(every)


def _watch(every: bool) -> None:
    from rich.console import Console, Group
    from rich.live import Live

    with suppress(KeyboardInterrupt), Live(console=Console(), auto_refresh=False) as live:
        while True:
            rows, line = _picture(every)
            live.update(Group(states.table(rows), line), refresh=True)
            time.sleep(SECONDS_BETWEEN_PICTURES)


def _state() -> tuple[list[RunState], list[Sweep], dict[str, float | None]]:
    """Return the runs, the sweeps under way, and how long their runs should take in hours."""
    from pathlib import Path

    from kit.engines import slurm
    from kit.runs import sweeps
    from kit.runs.states import RunState, read_states

    runs, live = slurm.standing(read_states()), sweeps.live()
    hours = {run.folder: run.hours for sweep in live for run in sweep.runs}
    known = {str(run.folder) for run in runs}
    runs += [RunState(Path(folder), "queued") for folder in hours if folder not in known]
    runs.sort(key=lambda run: ORDER.index(run.state))
    return runs, live, hours


def _picture(every: bool) -> tuple[list[tuple[str, ...]], str]:
    runs, live, hours = _state()
    listed: Counter[str] = Counter()
    rows = []
    for run in runs:
        listed[run.state] += 1
        if every or listed[run.state] <= LISTED.get(run.state, len(runs)):
            rows.append(states.row(run, hours.get(str(run.folder))))
    counts = ", ".join(f"{listed[state]} {state}" for state in ORDER if listed[state])
    for sweep in live:
        ends = _left(sweep, runs, hours)
        left = f", {duration(ends)} left" if ends is not None else ""
        counts += f"\nsweep {sweep.pid} ({sweep.engine}, {sweep.places} at a time): "
        counts += f"{plural(len(sweep.runs), 'run')}{left}"
    return rows, counts or "no runs yet"


def _left(sweep: Sweep, runs: list[RunState], hours: dict[str, float | None]) -> float | None:
    """Return the seconds that a sweep will still take, if every run's length is known."""
    planned = {run.folder for run in sweep.runs}
    mine = [
        run
        for run in runs
        if str(run.folder) in planned and run.state not in ("succeeded", "failed", "cancelled")
    ]
    begun = [run for run in mine if run.state == "running" and states.elapsed(run) is not None]
    return states.left_of_sweep(
        [hours[str(run.folder)] for run in mine if run not in begun],
        [states.left(run, hours[str(run.folder)]) for run in begun],
        sweep.places,
    )


def _json() -> dict[str, Any]:
    runs, live, hours = _state()
    return {
        "runs": [states.values(run, hours.get(str(run.folder))) for run in runs],
        "sweeps": [
            {
                "pid": sweep.pid,
                "engine": sweep.engine,
                "started": sweep.started,
                "places": sweep.places,
                "runs": len(sweep.runs),
                "seconds_left": _left(sweep, runs, hours),
            }
            for sweep in live
        ],
    }
