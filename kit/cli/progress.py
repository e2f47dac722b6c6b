"""Progress bars: off without a terminal, where plain lines tell the milestones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@contextmanager
def bar(title: str, *, of_bytes: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Show the progress of one piece of work; yields a function of (done, total).

    Of bytes, it shows how many and how fast in MB, too.
    """
    with bars(of_bytes=of_bytes) as show:
        yield lambda done, total: show({title: (done, total)})


@contextmanager
def bars(*, of_bytes: bool = False) -> Iterator[Callable[[dict[str, tuple[int, int]]], None]]:
    """Show several pieces of work; yields a function of {title: (done, total)}."""
    if sys.stderr is None or not sys.stderr.isatty():  # None where it is closed
        yield lambda _: None
        return
    with _progress(of_bytes) as progress:
        shown: dict[str, TaskID] = {}

        def update(work: dict[str, tuple[int, int]]) -> None:
            for title, (done, total) in work.items():
                if title not in shown:
                    shown[title] = progress.add_task(title, total=total)
                progress.update(shown[title], completed=done, total=total)
            for title in [title for title in shown if title not in work]:
                progress.remove_task(shown.pop(title))

        yield update


def _progress(of_bytes: bool) -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        *([DownloadColumn(), TransferSpeedColumn()] if of_bytes else []),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        # Lines go above the bars; but what is written to a file or a pipe belongs there.
        redirect_stdout=sys.stdout.isatty(),
    )
