"""Runs as rows: the same for the display of a sweep and for ``kit status``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from kit.columns import aligned, duration
from kit.errors import printable

if TYPE_CHECKING:
    from rich.table import Table

    from kit.runs.states import RunState

COLUMNS = ("run", "kind", "state", "stage", "epoch", "loss", "took", "left", "where")


def elapsed(run: RunState) -> float | None:
    """Return the seconds since a run that is under way was started by a queue."""
    from kit.runs.folder import age

    if run.attempt is None or run.attempt.ended is not None:
        return None
    return age(run.attempt.started)


def left(run: RunState, hours: float | None) -> float | None:
    """Return the seconds that a run under way still takes, if it takes ``hours`` in all."""
    took = elapsed(run)
    return None if took is None or hours is None else max(0.0, 3600 * hours - took)


def left_of_sweep(
    waiting: Iterable[float | None], under_way: Iterable[float | None], places: int
) -> float | None:
    """Return the seconds that a sweep still takes, if every run's length is known.

    Args:
        waiting: hours that each run takes that has not begun.
        under_way: seconds that each other run still takes.
        places: how many run at a time.
    """
    from kit.engines.schedule import makespan

    hours, seconds = list(waiting), list(under_way)
    known = [3600 * each for each in hours if each is not None]
    rest = [each for each in seconds if each is not None]
    if len(known) < len(hours) or len(rest) < len(seconds):
        return None
    return makespan(known, places, under_way=rest)


def values(run: RunState, hours: float | None) -> dict[str, Any]:
    """Return all that is known of a run, for JSON."""
    status, attempt = run.status, run.attempt
    at_work = run.state == "running" and status is not None
    return {
        "run": f"{run.folder}",
        "task": run.task,
        "method": run.method,
        "seed": run.seed,
        "kind": run.kind,
        "id": run.id,
        "state": run.state,
        "stage": status.stage if status and at_work else None,
        "epoch": status.epoch if status and at_work else None,
        "epochs": status.epochs if status and at_work else None,
        "loss": status.loss if status and at_work else None,
        "seconds": elapsed(run) if at_work else None,
        "seconds_left": left(run, hours) if at_work else None,
        "engine": attempt.engine if attempt else None,
        "gpus": list(attempt.gpus) if attempt else [],
        "failure": run.failure,
        "message": run.message,
    }


def row(run: RunState, hours: float | None) -> tuple[str, ...]:
    """Return a run as one word per column of ``COLUMNS``."""
    known = values(run, hours)
    name = f"{run.task}/{run.method}/{run.seed}"
    state = f"{run.state} ({run.failure})" if run.failure not in (None, "cancelled") else run.state
    epoch = f"{known['epoch']}/{known['epochs']}" if known["epochs"] else ""
    loss = "" if known["loss"] is None else f"{known['loss']:.4g}"
    places = ", ".join(uuid[:12] for uuid in known["gpus"]) or known["engine"] or ""
    where = places if run.state == "running" else run.message
    times = (duration(known["seconds"]), duration(known["seconds_left"]))
    return (name, run.kind, state, known["stage"] or "", epoch, loss, *times, where or "")


def table(rows: Sequence[tuple[str, ...]]) -> Table:
    """Return rows as a table for a terminal."""
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in COLUMNS:
        # In a narrow terminal cells are cut off, but headings are not.
        made.add_column(column, no_wrap=True, overflow="ellipsis", min_width=len(column))
    for each in rows:
        # As Text, in which brackets are no markup, and without characters that move the cursor.
        made.add_row(*(Text(printable(word)) for word in each))
    return made


def text(rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows as plain lines of aligned columns."""
    return aligned([COLUMNS, *rows])
