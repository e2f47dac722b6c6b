"""``kit data list``: what is prepared, and what of the rest can be had by whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from kit.cli import options
from kit.cli.output import print_json, warn
from kit.columns import aligned
from kit.spec import PROFILES

if TYPE_CHECKING:
    from kit.task import Task


@click.command(name="list")
@click.argument("task_names", metavar="[TASK]...", nargs=-1, type=options.TASK)
@click.option("--probe", is_flag=True, help="Test whether each address answers (HEAD requests).")
@options.formats("text", "json")
def list_data(task_names: tuple[str, ...], probe: bool, form: str) -> None:
    """Show the tiers of each task, and how to get their data.

    The first list has the state and size of each tier, and what to do next. The second one has the
    size, origin and licence of the files to fetch.
    """
    from kit import task
    from kit.data.offers import UNTRIED
    from kit.data.probing import probe as ask

    warn(*(() if task_names else task.broken()))
    found = [task.find(name) for name in task_names or task.names()]
    answers: dict[str, str] = {}
    if probe:
        answers = ask(url for each in found for source in each.sources for url in source.urls)
    rows = [row for each in found for row in _rows(each, answers)]
    if form == "json":
        print_json(rows)
        return
    click.echo(f"{_states(rows)}\n\n{_offers(rows, found)}")
    if probe:
        click.echo()
        click.echo("\n".join(f"{url}: {answer}" for url, answer in answers.items()))
    else:
        click.echo(f"({UNTRIED}; tasks/TASK/README.md has every route)")


def _states(rows: Sequence[dict[str, Any]]) -> str:
    """Return the state and size of each tier, and what to do next."""
    lines = [("task", "tier", "profile", "size", "")]
    for row in rows:
        size = f"{row['bytes'] / 1e6:.1f} MB" if row["ready"] else "missing"
        size = "outdated" if row["outdated"] else size
        lines.append((row["task"], row["tier"], row["profile"], size, row["detail"]))
    return aligned(lines)


def _offers(rows: Sequence[dict[str, Any]], tasks: Sequence[Task]) -> str:
    """Return what there is to fetch, from where: a line for each tier, then published tables."""
    from kit.data.offers import offer

    first: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        first.setdefault((row["task"], row["tier"]), row)
    lines = [("task", "tier", "to fetch", "from", "licence", "verdict")]
    lines += [
        (*key, row["to_fetch"], row["from"], row["licence"], row["verdict"])
        for key, row in first.items()
    ]
    for task in tasks:
        if any(source.tier == "precomputed" for source in task.sources):
            had = offer(task, "precomputed")
            lines.append((task.name, "precomputed", had.size, had.origin, "not stated", "no data"))
    return aligned(lines)


def _rows(task: Task, answers: dict[str, str]) -> list[dict[str, Any]]:
    from kit.data.offers import offer
    from kit.data.prepared import generated
    from kit.data.preparing import state

    rows = []
    for tier in task.tiers:
        had = offer(task, tier)
        fetch = f"kit data fetch {task.name} --tier {tier}"
        way = fetch if had.hosts else f"kit data import {task.name} PATH..."
        first = f"{way}; " if had.missing else ""
        urls = [url for source in had.missing for url in source.urls]
        for profile in PROFILES if generated(tier) else PROFILES[:1]:
            found = state(task, tier, profile)
            row: dict[str, Any] = {
                "task": task.name,
                "tier": tier,
                "profile": profile,
                "ready": found.ready,
                "outdated": found.outdated,
                "bytes": found.bytes,
                "detail": found.detail if found.ready else first + found.detail,
                "to_fetch": had.size,
                "to_fetch_bytes": had.bytes,
                "from": had.origin,
                "addresses": urls,
                "licence": task.licence,
                "verdict": had.verdict,
            }
            if answers:
                row["answers"] = {url: answers[url] for url in urls}
            rows.append(row)
    return rows
