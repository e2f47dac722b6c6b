"""``kit bench``: speed claims, as ratios of interleaved medians."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from kit.cli import options
from kit.errors import unknown

threads = click.option("--threads", type=click.IntRange(min=1), help="Default: all cores.")
methods = click.option("--method", "methods", multiple=True, help="Only this one; repeatable.")
device = click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")


@click.group(name="bench")
def command() -> None:
    """Measure speed and memory; nothing is trained."""


@command.command()
@click.option("--shapes", help="Only cases whose name contains this, e.g. '1D dense' or 'lite'.")
@methods
@threads
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True)
@click.option("--no-peaks", is_flag=True, help="Leave out peak memory, which takes longest.")
@device
@options.formats("text", "json")
def aggconv(
    shapes: str | None,
    methods: tuple[str, ...],
    threads: int | None,
    rounds: int,
    no_peaks: bool,
    device: str,
    form: str,
) -> None:
    """One layer: forward and backward of x, all weights and alpha, per method.

    Beside the seconds: multiply-adds by the paper's formulas (its appendix A.2).
    """
    from kit.bench import aggconv as bench
    from kit.cli.progress import bar
    from kit.ops import METHODS

    known = (*METHODS, "auto", "autotune", bench.PLAIN)
    for name in methods:
        if name not in known:
            raise unknown("method", name, known)
    every = (*bench.CASES, *bench.LITE_CASES)
    cases = [case for case in every if shapes in case.name] if shapes else list(bench.CASES)
    if not cases:
        raise unknown("shape", shapes or "", [case.name for case in every])
    rows: list[dict[str, Any]] = []
    with bar("aggconv") as progress:
        for number, case in enumerate(cases):
            progress(number, len(cases))
            measured = bench.measure(
                [case],
                methods or bench.DEFAULT_METHODS,
                threads=threads,
                rounds=rounds,
                peaks=not no_peaks,
                device=device,
            )
            for row in measured:
                work = bench.multiply_adds(case, row["method"])
                rows.append({**row, "multiply_adds": work})
    _show(rows, form)


@command.command()
@methods
@threads
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@device
@options.formats("text", "json")
def search(
    methods: tuple[str, ...], threads: int | None, rounds: int, device: str, form: str
) -> None:
    """One whole search step of the 2D and the 1D supernet, per method."""
    from kit.bench import search as bench
    from kit.cli.progress import bar
    from kit.ops import METHODS

    for name in methods:
        if name not in (*METHODS, "auto"):
            raise unknown("method", name, (*METHODS, "auto"))
    chosen = methods or ("auto", "released", "mixed-results")
    rows: list[Mapping[str, Any]] = []
    with bar("search step") as progress:
        for number, case in enumerate(bench.CASES):
            progress(number, len(bench.CASES))
            rows += bench.measure([case], chosen, threads=threads, rounds=rounds, device=device)
    _show(rows, form)


def _show(rows: Sequence[Mapping[str, Any]], form: str) -> None:
    """Print rows; in text each with its time relative to ``auto`` of the same case."""
    if form == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
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
        if row.get("peak_bytes") is not None:
            text += f"  {row['peak_bytes'] / 1e6:8.1f} MB"
        if row.get("multiply_adds") is not None:
            text += f"  {row['multiply_adds'] / 1e6:12.1f} M multiply-adds"
        click.echo(text)
