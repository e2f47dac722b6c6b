"""``kit bench experts``: the experts' own layers."""

from __future__ import annotations

import click

from kit.cli import options
from kit.cli.commands.bench.shared import device, rounds, threads
from kit.cli.output import print_json


@click.command(name="experts")
@threads
@rounds(3)
@device
@options.formats("text", "json")
def bench_experts(threads: int | None, rounds: int, device: str, form: str) -> None:
    """Compare two layers of the experts with plain ones.

    The layers are ROCKET's features and FNO's Fourier layer.
    """
    from kit.bench import experts as bench
    from kit.cli.progress import bar

    with bar("layers") as progress:
        rows = bench.measure(progress, threads=threads, rounds=rounds, device=device)
    if form == "json":
        print_json(rows)
        return
    for row in rows:
        click.echo(
            f"{row['case']:46} {1e3 * row['seconds']:9.1f} ms  {row['ratio']:5.2f} x "
            f"{row['plain']} (at most {row['target']:g}), answers {row['difference']:.0e} apart"
        )
