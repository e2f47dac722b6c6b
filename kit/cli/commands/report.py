"""``kit report``: everything there is as a folder of static pages."""

from __future__ import annotations

import errno
from pathlib import Path

import click

from kit.cli.types import FilePath


@click.command(name="report")
@click.option(
    "--output",
    type=FilePath(file_okay=False, resolve_path=True),
    help="Folder to write to. Default: results/report.",
)
def command(output: Path | None) -> None:
    """Write tables, figures, errata and runs as HTML pages.

    Nothing is run. An earlier report in the same folder is replaced.
    """
    from kit import paths
    from kit.cli.progress import bar
    from kit.columns import plural
    from kit.errors import KitError
    from kit.report.html import build

    try:
        with bar("report") as progress:
            built = build(output or paths.results() / "report", progress)
    except OSError as error:
        if output is not None or error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        raise KitError(
            f"{error.filename}: {error.strerror}; --output names another folder for the report"
        ) from None
    unfinished = f", {built.unfinished} of them without a result" if built.unfinished else ""
    click.echo(f"{built.folder / 'index.html'}: {plural(built.runs, 'run')}{unfinished}")
