"""``kit bench spaces``: search steps of other spaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from kit.cli import options
from kit.cli.commands.bench.shared import clock, device, rounds, show, threads
from kit.errors import unknown


@click.command(name="spaces")
@click.option("--space", "chosen", multiple=True, help="Only this search space; may be repeated.")
@threads
@rounds(3)
@click.option("--no-peaks", is_flag=True, help="Do not measure peak memory.")
@device
@clock
@options.formats("text", "json")
def bench_spaces(
    chosen: tuple[str, ...],
    threads: int | None,
    rounds: int,
    no_peaks: bool,
    device: str,
    clock: Callable[[], float],
    form: str,
) -> None:
    """Measure search steps of other search spaces.

    They are compared with the same computation module by module, as the papers describe it.
    """
    from kit.bench import spaces as bench
    from kit.cli.progress import bar

    known = bench.spaces()
    for name in chosen:
        if name not in known:
            raise unknown("space", name, known)
    rows: list[Mapping[str, Any]] = []
    names = chosen or tuple(known)
    with bar("spaces") as progress:
        for number, name in enumerate(names):
            progress(number, len(names))
            measured = bench.measure(
                name, threads=threads, rounds=rounds, peaks=not no_peaks, device=device, clock=clock
            )
            rows += measured
    show(rows, form)
