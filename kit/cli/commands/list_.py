"""``kit list``: the tasks, methods, tables and released architectures that there are."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from kit.cli import options
from kit.cli.output import print_json, warn
from kit.columns import aligned


@click.command(name="list")
@click.argument("what", type=click.Choice(["tasks", "methods", "tables", "architectures"]))
@options.formats("text", "json")
def command(what: str, form: str) -> None:
    """List tasks, methods, tables or architectures.

    Architectures are those that the authors released with their method.
    """
    every = {"tasks": _tasks, "methods": _methods, "tables": _tables, "architectures": _released}
    rows = every[what]()
    if form == "json":
        print_json(rows)
        return
    lines = [list(rows[0]), *(list(map(str, row.values())) for row in rows)] if rows else []
    click.echo(aligned(lines))


def _tasks() -> list[dict[str, Any]]:
    from kit import task

    warn(*task.broken())
    return [
        {
            "name": each.name,
            "kind": f"{each.dims}D {each.kind}",
            "metric": each.metrics[0],
            "tiers": ", ".join(each.tiers),
            "title": each.title,
        }
        for each in map(task.find, task.names())
    ]


def _methods() -> list[dict[str, Any]]:
    from kit import method

    warn(*method.broken())
    return [
        {"name": each.name, "stages": " ".join(each.stages), "title": each.title}
        for each in map(method.find, method.names())
    ]


def _tables() -> list[dict[str, Any]]:
    from kit import papers

    layouts = [(p, n, papers.layout(p, n)) for p in papers.papers() for n in papers.tables(p)]
    return [
        {
            "paper": paper,
            "table": number,
            "cells": len(set(layout.all_keys())),
            "in doubt": sum(cell.note is not None for cell in papers.published(paper, number)),
            "from": import_module(f"kit.report.tables.{layout.cells}").ORIGIN,
            "title": layout.title,
        }
        for paper, number, layout in layouts
    ]


def _released() -> list[dict[str, Any]]:
    from kit import method, task
    from kit.method import architectures

    found: list[dict[str, Any]] = []
    for each in map(method.find, method.names()):
        for name in task.names():
            files: list[tuple[int | str, Path]] = sorted(architectures.released(each, name).items())
            # Of no seed that is known; to be given by their path.
            files += [("-", file) for file in architectures.unseeded(each, name)]
            row = {"method": each.name, "task": name}
            found += [{**row, "seed": seed, "file": str(file)} for seed, file in files]
    return found
