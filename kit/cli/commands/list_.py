"""``kit list``: the tasks, methods and tables that there are."""

from __future__ import annotations

from typing import Any

import click

from kit.cli import options


@click.command(name="list")
@click.argument("what", type=click.Choice(["tasks", "methods", "tables"]))
@options.formats("text", "json")
def command(what: str, form: str) -> None:
    """List tasks, methods or tables."""
    rows = {"tasks": _tasks, "methods": _methods, "tables": _tables}[what]()
    if form == "json":
        import json

        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    widths = {key: max(len(str(row[key])) for row in rows) for key in rows[0]} if rows else {}
    for row in rows:
        click.echo("  ".join(str(row[key]).ljust(widths[key]) for key in row).rstrip())


def _tasks() -> list[dict[str, Any]]:
    from kit import task

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

    return [
        {"name": each.name, "stages": " ".join(each.stages), "title": each.title}
        for each in map(method.find, method.names())
    ]


def _tables() -> list[dict[str, Any]]:
    from kit import papers

    return [
        {"paper": paper, "table": number, "title": papers.layout(paper, number).title}
        for paper in papers.papers()
        for number in papers.tables(paper)
    ]
