"""Time and memory of a forward and backward pass of AggConv, method by method."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypedDict

from kit.bench.aggconv.cases import CASES, AggConvCase, supports
from kit.bench.aggconv.peaks import peak_bytes
from kit.bench.aggconv.steps import PLAIN, other_layer, step
from kit.bench.measure import interleaved, torch_threads, wait_for
from kit.ops import METHODS

DEFAULT_METHODS = (*[name for name in METHODS if name != "mixed-weights"], "auto", PLAIN)
"""All methods but mixed-weights, whose Dbar² taps take minutes on the shapes with two axes."""


class AggConvTiming(TypedDict):
    """Median seconds of a forward and backward pass; None for what was not asked for.

    ``cold_seconds`` are those of a call with other work before it, ``seconds`` of one after others
    of its kind.
    """

    case: str
    method: str
    seconds: float
    cold_seconds: float | None
    peak_bytes: int | None


def measure(
    cases: Sequence[AggConvCase] = CASES,
    methods: Sequence[str] = DEFAULT_METHODS,
    *,
    threads: int | None = None,
    rounds: int = 5,
    seconds: float = 1.0,
    cold: bool = False,
    peaks: bool = True,
    memory: str = "fast",
    device: str = "cpu",
    clock: Callable[[], float] = time.perf_counter,
) -> list[AggConvTiming]:
    """Return a row for each case and each method that can compute it.

    Args:
        cases: layer shapes to time.
        methods: of `METHODS`, "auto", "autotune" or `PLAIN`.
        threads: of torch, for this measurement; None leaves them as they are.
        rounds: at least so many per case.
        seconds: further rounds until so much time has passed.
        cold: also measure each method straight after other work, see `other_layer`.
        peaks: also measure peak memory, on the CPU each method in a process of its own.
        memory: see `agg_conv`.
        device: ``cpu`` or ``cuda``.
        clock: see `interleaved`.

    Raises:
        ValueError: a method that does not exist.
    """
    unknown = set(methods) - {*METHODS, "auto", "autotune", PLAIN}
    if unknown:
        raise ValueError(f"unknown methods {sorted(unknown)}")
    rows: list[AggConvTiming] = []
    with torch_threads(threads) as used:
        for case in cases:
            names = [name for name in methods if supports(case, name)]
            functions = {name: step(case, name, memory=memory, device=device) for name in names}
            between: dict[str, Callable[[], object]] = {}
            if cold:
                between = dict.fromkeys(map(_cold, names), other_layer(case, device))
                functions |= {_cold(name): functions[name] for name in names}
            times = interleaved(
                functions,
                rounds=rounds,
                seconds=seconds,
                between=between,
                wait=wait_for(device),
                clock=clock,
            )
            for name in names:
                peak = None
                if peaks:
                    peak = peak_bytes(case, name, used, memory, device)
                rows.append(
                    {
                        "case": case.name,
                        "method": name,
                        "seconds": times[name],
                        "cold_seconds": times.get(_cold(name)),
                        "peak_bytes": peak,
                    }
                )
    return rows


def _cold(method: str) -> str:
    return f"{method}, cold"


def ratios(
    rows: Sequence[AggConvTiming], reference: str
) -> dict[tuple[str, str], tuple[float, float | None]]:
    """Return by (case, method) the speed-up over a reference method, and the ratio of peak memory.

    A speed-up is the reference's seconds over the method's; the ratio is the method's peak over the
    reference's, None where one was not measured.
    """
    base = {row["case"]: row for row in rows if row["method"] == reference}
    found: dict[tuple[str, str], tuple[float, float | None]] = {}
    for row in rows:
        other = base.get(row["case"])
        if other is None:
            continue
        peak = None
        if row["peak_bytes"] is not None and other["peak_bytes"]:
            peak = row["peak_bytes"] / other["peak_bytes"]
        found[row["case"], row["method"]] = (other["seconds"] / row["seconds"], peak)
    return found
