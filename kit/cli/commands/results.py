"""``kit results``: pack, merge and verify what was measured."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli import options

archive_argument = click.argument(
    "archive", type=click.Path(path_type=Path, dir_okay=False, exists=True)
)


@click.group(name="results")
def command() -> None:
    """Pack results for others, merge those of others, verify."""


@command.command()
@click.argument("archive", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--no-report", is_flag=True, help="Leave the report out.")
def pack(archive: Path, no_report: bool) -> None:
    """Write a zip of all valid results, with report, lock files and manifests of the data.

    The same results make the same bytes.
    """
    from kit import paths
    from kit.cli.progress import bar
    from kit.report.html import build
    from kit.results.pack import pack as write

    report = None if no_report else build(paths.results() / "report").folder
    with bar("pack") as progress:
        found = write(archive, report, progress)
    for problem in found.problems:
        click.echo(f"kit: not packed: {problem}", err=True)
    click.echo(f"{archive}: {len(found.whole)} runs, {archive.stat().st_size / 1e6:.1f} MB")


@command.command()
@archive_argument
def merge(archive: Path) -> None:
    """Take over the runs of another machine's ARCHIVE.

    What is here is never overwritten: if one run is here already, unfinished or with another
    result, nothing is merged.
    """
    from kit.cli.progress import bar
    from kit.results.merge import merge as take

    with bar("merge") as progress:
        merged = take(archive, progress=progress)
    click.echo(f"{archive}: {len(merged.new)} runs merged, {len(merged.known)} were here already")


@command.command()
@click.argument("archive", required=False, type=click.Path(path_type=Path, exists=True))
@options.formats("text", "json")
def verify(archive: Path | None, form: str) -> None:
    """Check every result, spec, history and artifact, here or in an ARCHIVE.

    Exit code 1 if one has a problem.
    """
    import json

    from kit import paths
    from kit.cli.progress import bar
    from kit.results.merge import unpacked
    from kit.results.verify import verify as check

    with bar("verify") as progress:
        if archive is None:
            found = check(paths.results() / "runs", progress)
        else:
            with unpacked(archive, progress=progress) as (_, found):
                pass
    if form == "json":
        problems = [{"run": str(each.path), "problem": each.text} for each in found.problems]
        whole = [place.as_posix() for place in found.whole]
        click.echo(json.dumps({"whole": whole, "problems": problems}, indent=2))
    else:
        for problem in found.problems:
            click.echo(str(problem))
        click.echo(f"{len(found.whole)} runs whole, {len(found.problems)} problems")
    if found.problems:
        raise click.exceptions.Exit(1)


@command.command()
@click.option(
    "--mlflow",
    "uri",
    required=True,
    metavar="URI",
    help="Of a tracking server, such as http://127.0.0.1:5000.",
)
@click.option("--experiment", default="kit", show_default=True, help="Its name there.")
def export(uri: str, experiment: str) -> None:
    """Send every valid result to MLflow: settings, curves, scores, provenance.

    What was sent before is not sent again.
    """
    from kit.cli.progress import bar
    from kit.results.tracking import export as send

    with bar("export") as progress:
        sent, known = send(uri, experiment, progress)
    click.echo(f"{uri}: {sent} runs sent, {known} were there already")
