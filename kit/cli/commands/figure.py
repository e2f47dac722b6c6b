"""``kit figure``: a figure from what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kit.cli import options
from kit.spec import PROFILES


@click.command(name="figure")
@click.argument("number", type=int)
@click.option(
    "--profile", type=click.Choice(PROFILES), help="Default: the fullest that was measured."
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="Draw to this file: .svg, .pdf or .png."
)
@options.formats("text", "json")
def command(number: int, profile: Any, output: Path | None, form: str) -> None:
    """Show figure NUMBER of paper dash (2, 3: the speed tests). Nothing is measured.

    'kit reproduce --figure NUMBER' measures it.
    """
    from kit.bench import speed
    from kit.errors import DataError

    speed.places(number)
    found = [speed.load(number, each) for each in ([profile] if profile else PROFILES)]
    measured = next((each for each in found if each is not None), None)
    if measured is None:
        wanted = profile or "lite"
        raise DataError(
            f"figure {number} is not measured; "
            f"run 'kit reproduce --figure {number} --profile {wanted}'"
        )
    show(measured, output, form)


def show(measured: Any, output: Path | None, form: str) -> None:
    """Print a measurement, and draw it if a file is named."""
    import msgspec

    from kit.files import replacing
    from kit.report.figures import speed as figure

    work = f"{measured.steps} steps of batch {measured.batch}, median of {measured.rounds}"
    caption = f"{work}; {measured.device}, {measured.threads} threads, torch {measured.torch}"
    caption += f"; profile {measured.profile}, tier {measured.tier}"
    if output is not None:
        drawn = figure.draw(measured.figure, measured.points, caption)
        kind = output.suffix.lstrip(".") or "svg"
        metadata = {"Date": None} if kind == "svg" else {}
        with replacing(output) as stream:
            drawn.savefig(stream, format=kind, metadata=metadata, dpi=150)
        click.echo(str(output), err=True)
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(measured), indent=2))
    else:
        click.echo(figure.text(measured.figure, measured.points, caption), nl=False)
