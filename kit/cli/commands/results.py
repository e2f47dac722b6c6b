"""``kit results``: pack, merge and verify what was measured."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli import options
from kit.cli.output import print_json, warn
from kit.cli.types import FilePath
from kit.columns import plural
from kit.errors import KitError

archive_argument = click.argument("archive", type=FilePath(dir_okay=False, exists=True))


@click.group(name="results")
def command() -> None:
    """Pack, merge, verify and export results."""


@command.command()
@click.argument("archive", type=FilePath(dir_okay=False))
@click.option("--no-report", is_flag=True, help="Leave out the report.")
def pack(archive: Path, no_report: bool) -> None:
    """Write all valid results to ARCHIVE, a zip file.

    It also has the report, the lock files, and the manifests of the data. The same results give
    the same bytes.
    """
    from tempfile import TemporaryDirectory

    from kit.cli.progress import bar
    from kit.report.html import build
    from kit.results.pack import begin
    from kit.results.pack import pack as write

    with bar("verify") as progress:
        found = begin(archive, progress)
    with TemporaryDirectory() as folder:  # results may be read-only
        report = None if no_report else Path(folder) / "report"
        if report is not None:
            with bar("report") as progress:
                build(report, progress)
        with bar("pack") as progress:
            write(archive, report, progress, found)
    warn(*(f"not packed: {problem}" for problem in found.problems))
    size = f"{archive.stat().st_size / 1e6:.1f} MB"
    click.echo(f"{archive}: {plural(len(found.whole), 'run')}, {size}")


@command.command()
@archive_argument
def merge(archive: Path) -> None:
    """Add the runs of an ARCHIVE from another machine.

    Nothing is overwritten: if a run exists here already and is unfinished or has another result,
    nothing is merged.
    """
    from kit.cli.progress import bar
    from kit.results.merge import merge as take

    with bar("merge") as progress:
        merged = take(archive, progress=progress)
    new = plural(len(merged.new), "run")
    click.echo(f"{archive}: {new} merged, {len(merged.known)} were here already")


@command.command()
@click.argument("archive", required=False, type=FilePath(exists=True))
@options.formats("text", "json")
def verify(archive: Path | None, form: str) -> None:
    """Check all results, or those in an ARCHIVE.

    Every result, spec, history and artifact is checked. The digest of a result covers all that
    tables show. The exit code is 1 if there is a problem.
    """
    from tempfile import TemporaryDirectory

    from kit import paths
    from kit.cli.progress import bar
    from kit.results.merge import unpacked
    from kit.results.verify import verify as check

    with bar("verify") as progress:
        if archive is None:
            found = check(paths.runs(), progress)
        else:
            with (
                TemporaryDirectory() as folder,  # results may be read-only, or at a merge
                unpacked(archive, Path(folder), progress=progress) as (_, found),
            ):
                pass
    if form == "json":
        problems = [{"run": str(each.path), "problem": each.text} for each in found.problems]
        whole = [place.as_posix() for place in found.whole]
        undigested = [place.as_posix() for place in found.undigested]
        shown = {"whole": whole, "problems": problems, "undigested": undigested}
        print_json(shown)
    else:
        for problem in found.problems:
            click.echo(str(problem))
        for place in found.undigested:
            click.echo(
                f"{place}: no digest (an older version of kit wrote it); edits would go unnoticed"
            )
        valid, problem_count = len(found.whole), len(found.problems)
        click.echo(f"{plural(valid, 'valid run')}, {plural(problem_count, 'problem')}")
    if found.problems:
        raise click.exceptions.Exit(1)


@command.command()
@click.option(
    "--mlflow",
    "uri",
    metavar="URI",
    help="Send every valid result to this MLflow server, such as http://127.0.0.1:5000.",
)
@click.option(
    "--experiment", default="kit", show_default=True, help="Name of the experiment in MLflow."
)
@click.option(
    "--tensorboard",
    is_flag=True,
    help="Write TensorBoard events to the folder of every run that has ended.",
)
def export(uri: str | None, experiment: str, tensorboard: bool) -> None:
    """Export results to MLflow or TensorBoard.

    MLflow gets settings, curves, scores and provenance; results that it has are not sent again.
    TensorBoard gets the curves; 'tensorboard --logdir results/runs' shows them.
    """
    from kit import paths
    from kit.cli.progress import bar
    from kit.results.tracking import export as send
    from kit.runs.tensorboard import write_all

    # MLflow takes an empty one, such as of a variable that is not set, for a file of its own here.
    if uri == "" or (uri is None and not tensorboard):
        raise KitError("export to what? --mlflow URI, or --tensorboard")
    with bar("export") as progress:
        if uri is not None:
            sent, known = send(uri, experiment, progress)
            click.echo(f"{uri}: {plural(sent, 'run')} sent, {known} were there already")
        if tensorboard:
            folder = paths.runs()
            click.echo(f"{folder}: events of {plural(write_all(folder, progress), 'run')}")
