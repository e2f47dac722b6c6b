"""``kit predict``: what a finished run's model says of new data."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli import options


@click.command(name="predict")
@click.argument("run", type=options.RUN)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File, .csv or .npy; default: CSV to the standard output.",
)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
def command(run: str, file: Path, output: Path | None, device: str) -> None:
    """Predict for the inputs in FILE by the model of RUN.

    FILE is .npy, or .npz with x: samples first, not normalised.

    RUN is a run's folder, TASK/METHOD/SEED, or the beginning of its id.
    """
    from kit.runs.find import find_one

    folder = find_one(run, log=options.tell)

    from kit.cli.progress import bar
    from kit.export.predict import predict

    with bar("predict") as progress:
        predictions = predict(folder, file, device=device, progress=progress)
    if output is None:
        click.echo(predictions.csv(), nl=False)
        return
    predictions.save(output)
    click.echo(str(output), err=True)
