"""``kit bench aggconv``: one layer of mixed convolutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from kit import lazy
from kit.cli import options
from kit.cli.commands.bench.shared import clock, device, methods, rounds, show, threads
from kit.errors import unknown


@click.command(name="aggconv")
@click.option("--shapes", help="Only cases whose name contains this, such as '1D dense' or 'lite'.")
@methods
@threads
@rounds(5)
@click.option(
    "--cold",
    is_flag=True,
    help="Also measure calls right after other work (20 ms of steps of a plain layer).",
)
@click.option("--no-peaks", is_flag=True, help="Do not measure peak memory, which takes longest.")
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
    """Measure one layer of mixed convolutions by each method.

    A measurement is a forward and a backward pass, with the gradients of x, all weights and alpha.
    The output also has the multiply-adds by the formulas in the paper's appendix A.2.
    """
    from kit.cli.progress import bar

    with lazy.torch_at_once():
        from kit.bench.aggconv import DEFAULT_METHODS, cases, measure, steps
        from kit.ops import METHODS

    known = (*METHODS, "auto", "autotune", steps.PLAIN)
    for name in methods:
        if name not in known:
            raise unknown("method", name, known)
    every = (*cases.CASES, *cases.LITE_CASES, *cases.DARCY_CASES)
    chosen = [case for case in every if shapes in case.name] if shapes else list(cases.CASES)
    if not chosen:
        raise unknown("shape", shapes or "", [case.name for case in every])
    rows: list[dict[str, Any]] = []
    with bar("aggconv") as progress:
        for number, case in enumerate(chosen):
            progress(number, len(chosen))
            measured = measure(
                [case],
                methods or DEFAULT_METHODS,
                threads=threads,
                rounds=rounds,
                cold=cold,
                peaks=not no_peaks,
                device=device,
                clock=clock,
            )
            for row in measured:
                work = cases.multiply_adds(case, row["method"])
                rows.append({**row, "multiply_adds": work})
    show(rows, form)
