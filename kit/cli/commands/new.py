"""``kit new``: a folder for a task of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kit.cli.output import unheard
from kit.cli.own import asked, reading_options
from kit.cli.types import SOURCE


@click.group(name="new")
def command() -> None:
    """Create a task of your own."""


@command.command(name="task")
@click.argument("name")
@click.argument("more", metavar="[PATH...]", nargs=-1, type=SOURCE)
@click.option(
    "--from",
    "sources",
    type=SOURCE,
    required=True,
    multiple=True,
    metavar="PATH",
    help="File or folder with your data, or FILE.h5:DATASET; several may follow.",
)
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME",
    help="Column with the answers; may be repeated.",
)
@click.option(
    "--kind",
    type=click.Choice(["classification", "multi-label", "regression", "dense", "segmentation"]),
    help="Kind of the answers. Default: by their type, if only one kind is possible.",
)
@reading_options
@click.option(
    "--group", metavar="NAME", help="Column: samples with the same value stay in one fold."
)
@click.option(
    "--time", metavar="NAME", help="Column with the time: the latest samples are the test fold."
)
@click.option("--split", metavar="NAME", help="Column with train, val or test for each sample.")
@click.option("--labelled-only", is_flag=True, help="Leave out samples without an answer.")
@click.option("--dry-run", is_flag=True, help="Show how the data are read, and stop.")
def new_task(
    name: str, more: tuple[str, ...], sources: tuple[str, ...], dry_run: bool, **words: Any
) -> None:
    """Create task NAME from your data.

    PATH is an .npz, .npy, CSV, TSV, Parquet, HDF5, NetCDF or Zarr file, or a folder of images or
    sounds, with a subfolder for each class or with a table of labels. docs/own-data.md has
    examples.
    """
    from kit import paths, task
    from kit.data import new_task as making
    from kit.errors import KitError, printable

    if name in task.names():
        raise KitError(f"there is a task {name!r} already; choose another name")
    making.place_of(name, paths.new_tasks())
    own = making.read([*sources, *more], asked(**words))
    with unheard() as say:
        for line in own.card:
            say(printable(line))
        if dry_run:
            return
        files = " and ".join(Path(each).name for each in (*sources, *more))
        folder = making.write(name, own, files, paths.new_tasks())
        made = task.find(name)
        say(f"{folder}: {made.kind}, samples {made.sample_shape}, {made.outputs} outputs")
        say(f"now 'kit data prepare {name}' and 'kit reproduce --task {name} --profile lite'")
