"""What the kit's forms of search spaces save beside straightforward ones of the same numbers.

A module here is a space. Its ``CASES`` are steps to time, each by the name of what takes it; the
first one is what ratios are to, as papers describe it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import TypedDict

import torch

from kit.bench.measure import (
    in_fresh_process,
    interleaved,
    peak_bytes,
    torch_threads,
    wait_for,
)


@dataclass(frozen=True)
class SpaceCase:
    """A step in a space.

    Attributes:
        name: of the space, and what is done at which size.
        forms: by name: given a device, returns a function that takes one step.
    """

    name: str
    forms: Mapping[str, Callable[[str], Callable[[], object]]]


class SpaceTiming(TypedDict):
    """Median seconds of a step, and its peak memory; ratios are to the case's first form."""

    case: str
    method: str
    seconds: float
    ratio: float
    peak_bytes: int | None
    peak_ratio: float | None


def spaces() -> list[str]:
    """Return the names of the spaces that have cases."""
    return sorted(module.name for module in iter_modules(__path__))


def cases(space: str) -> Sequence[SpaceCase]:
    """Return the cases of a space."""
    found: Sequence[SpaceCase] = import_module(f"{__name__}.{space}").CASES
    return found


def measure(
    space: str,
    *,
    threads: int | None = None,
    rounds: int = 3,
    peaks: bool = True,
    device: str = "cpu",
    clock: Callable[[], float] = time.perf_counter,
) -> list[SpaceTiming]:
    """Return a row for each form of each case, timed in turn.

    Args:
        space: a module here.
        threads: of torch, for this measurement; None leaves them as they are.
        rounds: of each case.
        peaks: also measure peak memory, on the CPU each form in a process of its own.
        device: ``cpu`` or ``cuda``.
        clock: see `interleaved`.
    """
    rows: list[SpaceTiming] = []
    with torch_threads(threads) as used:
        for number, case in enumerate(cases(space)):
            steps = {name: make(device) for name, make in case.forms.items()}
            times = interleaved(steps, rounds=rounds, wait=wait_for(device), clock=clock)
            memory = {
                name: _peak(space, number, name, used, device) if peaks else None for name in steps
            }
            first = next(iter(times))
            rows += [
                {
                    "case": case.name,
                    "method": name,
                    "seconds": seconds,
                    "ratio": seconds / times[first],
                    "peak_bytes": memory[name],
                    "peak_ratio": _ratio(memory[name], memory[first]),
                }
                for name, seconds in times.items()
            ]
    return rows


def _ratio(one: int | None, other: int | None) -> float | None:
    return None if one is None or not other else one / other


def _peak(space: str, number: int, form: str, threads: int, device: str) -> int:
    if device.startswith("cuda"):
        return peak_of_a_step(space, number, form, threads, device)
    function = f"{__name__}:peak_of_a_step"
    arguments = {"space": space, "number": number, "form": form}
    return int(in_fresh_process(function, **arguments, threads=threads, device=device))


def peak_of_a_step(space: str, number: int, form: str, threads: int, device: str) -> int:
    """Return the peak memory of a case's first step in this process above what the network takes.

    A step of its first use of torch's kernels is part of it, in every form.
    """
    torch.set_num_threads(threads)
    step = cases(space)[number].forms[form](device)
    return peak_bytes(step, device)
