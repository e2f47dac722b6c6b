"""``kit predict``: what a finished run's model says of new data."""

from __future__ import annotations

from pathlib import Path

import click

from kit import lazy
from kit.cli import options
from kit.cli.output import tell
from kit.cli.types import SOURCE, FilePath


@click.command(name="predict")
@click.argument("run", type=options.RUN)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=SOURCE)
@click.option(
    "--output",
    type=FilePath(dir_okay=False),
    help="File to write (.csv, .parquet or .npy). Default: CSV to standard output.",
)
@click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    default="cpu",
    show_default=True,
    help="Device to compute on.",
)
def command(run: str, files: tuple[str, ...], output: Path | None, device: str) -> None:
    """Predict with the model of RUN for the inputs in FILE.

    FILE is an .npy file, or an .npz file with array x. The first axis is the samples; the inputs
    are not normalised. For a task of your own, FILE is what the task was made from: a table with
    the same columns, or a folder of images or sounds.

    RUN is the folder of a run, TASK/METHOD/SEED, or the beginning of its id.
    """
    from kit.errors import KitError, printable
    from kit.export.predictions import SUFFIXES
    from kit.runs.find import find_one

    if output is not None and output.suffix not in SUFFIXES:
        raise KitError(f"{output}: predictions are written as {', '.join(SUFFIXES)}")
    target, read = output and output.resolve(), [Path(file).resolve() for file in files]
    if target and target.exists() and any(map(target.is_relative_to, read)):
        raise KitError(f"--output {output} would replace what is read; name another file")

    folder = find_one(run, log=tell)

    from kit.cli.progress import bar

    with lazy.torch_at_once():
        from kit.export.predict import predict

    with bar("predict") as progress:
        rows = output is None or output.suffix != ".npy"
        predictions = predict(
            folder,
            files,
            device=device,
            rows=rows,
            progress=progress,
            log=lambda line: tell(printable(line)),
        )
    if output is None:
        click.echo(predictions.csv(), nl=False)
        return
    predictions.save(output)
    tell(str(output))
