"""``kit bench experts``: the experts' own layers."""

from __future__ import annotations

import json

import click

from kit.cli import options
from kit.cli.commands.bench.shared import device, threads


@click.command(name="experts")
@threads
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@device
@options.formats("text", "json")
def bench_experts(threads: int | None, rounds: int, device: str, form: str) -> None:
    """The experts' own layers beside plain ones.

    ROCKET's features, FNO's Fourier layer.
    """
    from kit.bench import experts as bench
    from kit.cli.progress import bar

    with bar("layers") as progress:
        rows = bench.measure(progress, threads=threads, rounds=rounds, device=device)
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(
            f"{row['case']:46} {1e3 * row['seconds']:9.1f} ms  {row['ratio']:5.2f} x "
            f"{row['plain']} (at most {row['target']:g}), answers {row['difference']:.0e} apart"
        )
