"""``kit lookup``: what a cell of NAS-Bench-201 came to, from a table."""

from __future__ import annotations

import click

from kit.cli import options
from kit.cli.output import print_json


@click.command(name="lookup")
@click.argument("table", type=options.CELLS)
@click.argument("cell", required=False)
@click.option("--epoch", type=int, help="Epoch, counted from 0. Default: the last.")
@click.option("--best", is_flag=True, help="Show the cell with the highest accuracy.")
@options.formats("text", "json")
def command(table: str, cell: str | None, epoch: int | None, best: bool, form: str) -> None:
    """Show the results of CELL in TABLE, or what TABLE contains.

    TABLE is a file, a name such as ninapro-12-777, or the beginning of a name. CELL is a number in
    the published order, or a string '|op~0|+|op~0|op~1|+|op~0|op~1|op~2|'.
    """
    from kit.cli import cells
    from kit.columns import aligned
    from kit.errors import KitError
    from kit.spaces.nas_bench_201.cell import COUNT

    if cell is not None and best:
        raise KitError("give either a CELL or --best")
    if epoch is not None and cell is None and not best:
        raise KitError("--epoch needs a cell: give a CELL, or --best")
    found = cells.read(table)
    header = found.header
    with cells.told():
        if cell is not None or best:
            wanted = found.best(epoch=epoch) if cell is None else cell
            number = int(wanted) if str(wanted).isdecimal() else wanted
            shown = cells.rows(found, number, epoch)
        else:
            shown = {
                "task": header.task,
                "epochs": header.epochs,
                "seed": header.seed,
                "cells": f"{len(found)} of {COUNT}",
                "trained": len(set(found.trained.tolist())),
                "evaluated": ", ".join(found.sets),
                **({"note": header.note} if header.note else {}),
                **header.provenance,
            }
    if form == "json":
        print_json(shown)
        return
    words = [
        (name, f"{value:.6g}" if isinstance(value, float) else "-" if value is None else f"{value}")
        for name, value in shown.items()
    ]
    click.echo(aligned(words))
