"""``kit cells``: tables of NAS-Bench-201, taken over, handed on, merged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from kit.cli import options
from kit.cli.output import save_figure, unheard
from kit.cli.types import FilePath
from kit.columns import plural

table_arguments = click.argument(
    "tables", nargs=-1, required=True, metavar="TABLE...", type=options.CELLS
)


@click.group(name="cells")
def command() -> None:
    """Import, export, merge, verify and search NAS-Bench-201 tables.

    A table has the results of the 15,625 cells of NAS-Bench-201; 'kit lookup' reads it.
    """


@command.command(name="import")
@click.argument("archive", type=FilePath(exists=True))
def take(archive: Path) -> None:
    """Make tables from a published ARCHIVE.

    ARCHIVE is a .pickle.pbz2 file, or a folder of such files, of NAS-Bench-201, NATS-Bench or
    NAS-Bench-360. No code in it is executed. There is one table for each data set, number of
    epochs and seed; an existing table is never overwritten.
    """
    from kit.cli import cells
    from kit.errors import KitError
    from kit.spaces.nas_bench_201.files import write

    found = cells.read_archive(archive)
    files = [cells.file_of(table.header) for table in found]
    for file in files:
        if file.exists():
            raise KitError(f"{file} is here already; nothing was taken over")
    with unheard() as say:
        for table, file in zip(found, files, strict=True):
            with cells.told():
                write(table, file)
            say(f"{file}: {len(table)} cells")


@command.command()
@table_arguments
@click.option("--to", type=FilePath(dir_okay=False), required=True, help="File to write.")
def export(tables: Sequence[str], to: Path) -> None:
    """Write TABLEs to one archive that the package nats_bench reads."""
    from kit.cli import cells
    from kit.errors import KitError
    from kit.spaces.nas_bench_201 import archives

    if not to.name.endswith(cells.ARCHIVE):
        raise KitError(f"{to}: nats_bench reads files that end with {cells.ARCHIVE}")
    archives.write([cells.read(each) for each in tables], to)
    click.echo(f"{to}: {to.stat().st_size / 1e6:.1f} MB")


@command.command()
@table_arguments
@click.option("--to", type=FilePath(dir_okay=False), required=True, help="File to write.")
def merge(tables: Sequence[str], to: Path) -> None:
    """Merge partial TABLEs of one task, for example of several machines.

    If two of them contradict each other, nothing is written.
    """
    from kit.cli import cells
    from kit.errors import KitError
    from kit.methods.nas_bench_201.info import SUFFIX
    from kit.spaces.nas_bench_201.files import merged, write

    if to.suffix != SUFFIX:
        raise KitError(f"{to}: a table is a file that ends with {SUFFIX}")
    found = [cells.read(each) for each in tables]
    with cells.told():
        table = merged(found)
        write(table, to)
    click.echo(f"{to}: {len(table)} cells")


@command.command()
@table_arguments
def verify(tables: Sequence[str]) -> None:
    """Check TABLEs: numbers, strings, classes and epochs of cells."""
    from kit.cli import cells

    for each in tables:
        click.echo(f"{each}: {len(cells.read(each))} cells, all valid")


@command.command()
@click.argument("table", type=options.CELLS)
@click.option(
    "--search",
    "names",
    multiple=True,
    type=click.Choice(["random", "regularised-evolution", "reinforce", "hyperband", "bohb"]),
    help="Only this search; may be repeated. Default: all.",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    required=True,
    help="Simulated seconds of a run.",
)
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="Runs of each search, with different seeds.",
)
@click.option(
    "--answers",
    metavar="TABLE",
    help="Table by which the cells found are judged, such as one of 200 epochs. Default: TABLE.",
)
@options.figure_file
def search(
    table: str,
    names: Sequence[str],
    budget: float,
    runs: int,
    answers: str | None,
    output: Path | None,
) -> None:
    """Run search methods on TABLE, in simulated seconds.

    The output is the accuracy of the best cell so far: median, 10th and 90th percentile over the
    runs.
    """
    from kit.cli import cells
    from kit.report.figures import cells as figures
    from kit.spaces.nas_bench_201.searches import SEARCHES, repeat

    found = cells.read(table)
    judge = None if answers is None else cells.read(answers)
    with cells.told():
        curves = {
            name: repeat(SEARCHES[name], [found], budget, runs, judge) for name in names or SEARCHES
        }
    header = (judge or found).header
    title = f"{header.task}, {plural(header.epochs, 'epoch')}, {plural(runs, 'run')}"
    save_figure(lambda: figures.draw_searches(title, curves), output)
    click.echo(figures.searches_text(title, curves), nl=False)
