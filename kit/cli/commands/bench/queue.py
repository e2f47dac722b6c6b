"""``kit bench queue``: what the kit itself takes."""

from __future__ import annotations

import click

from kit.cli import options
from kit.cli.output import print_json


@click.command(name="queue")
@options.formats("text", "json")
def bench_queue(form: str) -> None:
    """Measure the time that the kit itself takes.

    This is the time per run, for a plan, for 'kit status', and what the order of runs costs.
    """
    from kit.cli.progress import bar
    from kit.engines import measure

    with bar("queue") as progress:
        rows = measure.measure(progress)
    if form == "json":
        print_json(rows)
        return
    for row in rows:
        far = row.get("estimates_far_off", {})
        note = "".join(f", {name} {value:.3f}" for name, value in far.items())
        note = f"; with estimates off by exp(N(0, 0.4)){note}" if far else ""
        bound = f"(at most {row['target']:g} {row['unit']}){note}"
        click.echo(f"{row['case']:36} {row['value']:8.3f} {row['unit']}  {bound}")
