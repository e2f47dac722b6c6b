"""``kit logs``: what a run printed."""

from __future__ import annotations

import time
from pathlib import Path

import click

from kit.cli import options
from kit.cli.output import tell

SECONDS_BETWEEN_LOOKS = 0.2


@click.command(name="logs")
@click.argument("run", type=options.RUN)
@click.option("-f", "--follow", is_flag=True, help="Print new lines until the run ends.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Number of earlier lines to print.",
)
def command(run: str, follow: bool, lines: int) -> None:
    """Print the last lines of the output of RUN.

    RUN is the folder of a run, TASK/METHOD/SEED, or the beginning of its id.
    """
    from kit.runs import find, logs
    from kit.runs.names import LOG

    folder = find.find_one(run, log=tell)
    log = folder / LOG
    read = log.stat().st_size if log.exists() else 0
    if not log.exists() and not follow:
        tell("no log: the output of 'kit run' is not stored")
    # What comes from now on is shown by the loop below, and only there.
    for line in logs.tail(log, lines, end=read) if lines else ():
        click.echo(line)
    if follow:
        _follow(folder, read)


def _follow(folder: Path, read: int) -> None:
    """Print whole lines as they come; at the end also a last one without its newline."""
    from kit.files import is_locked
    from kit.runs.logs import shown
    from kit.runs.names import CLAIM, LOCK, LOG

    log, rest, at_work = folder / LOG, b"", True
    while at_work:
        at_work = is_locked(folder / LOCK) or is_locked(folder / CLAIM)
        size = log.stat().st_size if log.exists() else 0
        if size < read:  # it was cut, or begun anew
            read, rest = 0, b""
        if size > read:
            with log.open("rb") as stream:
                stream.seek(read)
                rest += stream.read(size - read)
            read = size
            *whole, rest = rest.split(b"\n")
            for line in whole:
                click.echo(shown(line))
        elif at_work:
            time.sleep(SECONDS_BETWEEN_LOOKS)
    if rest:
        click.echo(shown(rest))
