"""Options of several benchmarks, and how their rows are printed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from kit.cli import checks, options
from kit.cli.output import print_json

threads = click.option(
    "--threads", type=options.THREADS, help="Threads on the CPU. Default: one per core."
)
methods = click.option(
    "--method", "methods", multiple=True, help="Only this method; may be repeated."
)
device = click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    default="cpu",
    show_default=True,
    callback=lambda ctx, param, name: checks.usable_device(name),
    help="Device to compute on.",
)

clock = click.option(
    "--processor-time",
    "clock",
    is_flag=True,
    callback=lambda ctx, param, asked: time.process_time if asked else time.perf_counter,
    help="Count processor time, for busy machines. It adds up all threads, so use --threads 1.",
)


def rounds(default: int) -> Callable[[options.Function], options.Function]:
    """Return the option ``--rounds``."""
    return click.option(
        "--rounds",
        type=click.IntRange(min=1),
        default=default,
        show_default=True,
        help="Number of measurements, of which the median counts.",
    )


def show(rows: Sequence[Mapping[str, Any]], form: str) -> None:
    """Print rows; in text each with its time relative to ``auto`` of the same case."""
    if form == "json":
        print_json(rows)
        return
    auto = {row["case"]: row["seconds"] for row in rows if row["method"] == "auto"}
    case = None
    for row in rows:
        if row["case"] != case:
            case = row["case"]
            click.echo(case)
        text = f"  {row['method']:18} {row['seconds'] * 1000:10.2f} ms"
        if case in auto:
            text += f"  {row['seconds'] / auto[case]:8.2f} x auto"
        elif row.get("ratio") is not None:
            text += f"  {row['ratio']:6.2f} of the first"
        if row.get("cold_seconds") is not None:
            cold = row["cold_seconds"]
            text += f"  cold {cold * 1000:10.2f} ms  {cold / row['seconds']:5.2f} x"
        if row.get("peak_bytes") is not None:
            text += f"  {row['peak_bytes'] / 1e6:8.1f} MB"
        if row.get("multiply_adds") is not None:
            text += f"  {row['multiply_adds'] / 1e6:12.1f} M multiply-adds"
        click.echo(text)
