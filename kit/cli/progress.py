"""Progress bars: off without a terminal, where plain lines tell the milestones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show the progress of one piece of work; yields a function of (done, total)."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        shown = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(shown, completed=done, total=total)


@contextmanager
def bars() -> Iterator[Callable[[dict[str, tuple[int, int]]], None]]:
    """Show several pieces of work; yields a function of {title: (done, total)}."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        shown: dict[str, TaskID] = {}

        def update(work: dict[str, tuple[int, int]]) -> None:
            for title, (done, total) in work.items():
                if title not in shown:
                    shown[title] = progress.add_task(title, total=total)
                progress.update(shown[title], completed=done, total=total)
            for title in [title for title in shown if title not in work]:
                progress.remove_task(shown.pop(title))

        yield update
