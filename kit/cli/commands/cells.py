"""``kit cells``: tables of NAS-Bench-201, taken over, handed on, merged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

table_arguments = click.argument("tables", nargs=-1, required=True, metavar="TABLE...")


@click.group(name="cells")
def command() -> None:
    """Tables of the 15,625 cells of NAS-Bench-201; 'kit lookup' reads them."""


@command.command(name="import")
@click.argument("archive", type=click.Path(path_type=Path, exists=True))
def take(archive: Path) -> None:
    """Take over a published ARCHIVE, a .pickle.pbz2 or a folder of them.

    Of NAS-Bench-201, NATS-Bench or NAS-Bench-360. It is read without executing anything. A table
    is written for each data set, number of epochs and seed; one that is here is never overwritten.
    """
    from kit.cli import cells
    from kit.errors import KitError

    found = cells.read_archive(archive)
    files = [cells.file_of(table) for table in found]
    for file in files:
        if file.exists():
            raise KitError(f"{file} is here already; nothing was taken over")
    for table, file in zip(found, files, strict=True):
        with cells.told():
            table.write(file)
        click.echo(f"{file}: {len(table)} cells")


@command.command()
@table_arguments
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), required=True)
def export(tables: Sequence[str], to: Path) -> None:
    """Write TABLEs as one archive that the package nats_bench reads."""
    from kit.cli import cells
    from kit.errors import KitError
    from kit.spaces.nas_bench_201 import archives

    if not to.name.endswith(cells.ARCHIVE):
        raise KitError(f"{to}: nats_bench reads files that end with {cells.ARCHIVE}")
    archives.write([cells.read(each) for each in tables], to)
    click.echo(f"{to}: {to.stat().st_size / 1e6:.1f} MB")


@command.command()
@table_arguments
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), required=True)
def merge(tables: Sequence[str], to: Path) -> None:
    """Make one table of several partial ones of a task, such as those of several machines.

    Where two contradict each other nothing is written.
    """
    from kit.cli import cells
    from kit.errors import KitError
    from kit.spaces.nas_bench_201.files import merged

    if to.suffix != cells.SUFFIX:
        raise KitError(f"{to}: a table is a file that ends with {cells.SUFFIX}")
    found = [cells.read(each) for each in tables]
    with cells.told():
        table = merged(found)
        table.write(to)
    click.echo(f"{to}: {len(table)} cells")


@command.command()
@table_arguments
def verify(tables: Sequence[str]) -> None:
    """Hold TABLEs to the space: numbers, strings, classes, and a row of each epoch."""
    from kit.cli import cells

    for each in tables:
        click.echo(f"{each}: {len(cells.read(each))} cells, whole")
