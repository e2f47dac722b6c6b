"""``kit bench aggconv``: one layer of mixed convolutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from kit.cli import options
from kit.cli.commands.bench.shared import clock, device, methods, show, threads
from kit.errors import unknown


@click.command(name="aggconv")
@click.option("--shapes", help="Only cases whose name contains this, e.g. '1D dense' or 'lite'.")
@methods
@threads
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True)
@click.option(
    "--cold", is_flag=True, help="Also straight after other work: steps of a plain layer, 20 ms."
)
@click.option("--no-peaks", is_flag=True, help="Leave out peak memory, which takes longest.")
@device
@clock
@options.formats("text", "json")
def bench_aggconv(
    shapes: str | None,
    methods: tuple[str, ...],
    threads: int | None,
    rounds: int,
    cold: bool,
    no_peaks: bool,
    device: str,
    clock: Callable[[], float],
    form: str,
) -> None:
    """One layer of mixed convolutions, method by method.

    Forward and backward pass, the gradients of x, all weights and alpha.

    Beside the seconds: multiply-adds by the paper's formulas (its appendix A.2).
    """
    from kit.bench import aggconv as bench
    from kit.cli.progress import bar
    from kit.ops import METHODS

    known = (*METHODS, "auto", "autotune", bench.PLAIN)
    for name in methods:
        if name not in known:
            raise unknown("method", name, known)
    every = (*bench.CASES, *bench.LITE_CASES, *bench.DARCY_CASES)
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
                cold=cold,
                peaks=not no_peaks,
                device=device,
                clock=clock,
            )
            for row in measured:
                work = bench.multiply_adds(case, row["method"])
                rows.append({**row, "multiply_adds": work})
    show(rows, form)
