"""How to measure: times interleaved in one process, memory in a process of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

SLOW = 0.5
"""Seconds from which on a call is not helped by what caches hold, and not made twice."""

WARM = 0.02
"""Seconds that a function is called for before it is timed.

One call of a few milliseconds is not enough: after another function, or after a pause, the time of
such a step falls for five calls or so.
"""


def interleaved(
    functions: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 5,
    seconds: float = 0.0,
    between: Mapping[str, Callable[[], object]] | None = None,
    wait: Callable[[], object] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Return median seconds of each function, all called in turn, round after round.

    What disturbs the machine then disturbs all of them alike, so that ratios hold where single
    times do not. Each function is called for `WARM` seconds before it is timed, unless it is slow:
    what another one has left in the caches and in the allocator is not its own cost. Where it is
    the question, ``between`` has the work that comes before a function instead.

    Args:
        functions: by name; each is called once before the clock starts.
        rounds: at least so many.
        seconds: go on with further rounds until so much time has passed.
        between: by the names of some functions: other work, repeated for `WARM` seconds before
            each of their calls, which are made cold so.
        wait: called before each look at the clock, for devices that work on their own.
        clock: what seconds are counted by; `time.process_time` leaves out what others do on a busy
            machine, and adds up threads.

    Raises:
        ValueError: less than one round.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, not {rounds}")

    def seconds_of(function: Callable[[], object]) -> float:
        if wait is not None:
            wait()
        start = clock()
        function()
        if wait is not None:
            wait()
        return clock() - start

    def warm(function: Callable[[], object]) -> None:
        end = clock() + WARM
        seconds_of(function)
        while clock() < end:
            seconds_of(function)

    others = between or {}
    for function in (*functions.values(), *others.values()):
        function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    begin = clock()
    done = 0
    while done < rounds or clock() - begin < seconds:
        for name, function in functions.items():
            if name in others or not times[name] or times[name][-1] < SLOW:
                warm(others.get(name, function))
            times[name].append(seconds_of(function))
        done += 1
    return {name: statistics.median(values) for name, values in times.items()}


@contextmanager
def torch_threads(count: int | None) -> Iterator[int]:
    """Let torch compute with so many threads inside the block; None for as many as before.

    Yields:
        How many it has. Whatever is measured in this process afterwards has as many as before.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield count or before
    finally:
        torch.set_num_threads(before)


def wait_for(device: str) -> Callable[[], None] | None:
    """Return what waits until a device has done its work; None for the CPU, which does it at once.

    For ``wait`` of `interleaved`.
    """
    return torch.cuda.synchronize if device.startswith("cuda") else None


def in_fresh_process(function: str, **arguments: Any) -> Any:
    """Call "package.module:name" with these arguments in a new Python process; return its result.

    Arguments and result travel as JSON.

    Raises:
        RuntimeError: the process failed; the message ends with the last line of its errors.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-m", "kit.bench.worker"],
        input=json.dumps({"function": function, "arguments": arguments}),
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=environment,
        check=False,
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise RuntimeError(f"{function} failed in its process: {lines[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def peak_bytes(function: Callable[[], object], device: str) -> int:
    """Return by how many bytes a device's memory in use grows at most during a call.

    On the CPU it is this process's, which holds on to what earlier calls freed: there, measure in a
    fresh one.
    """
    if not device.startswith("cuda"):
        return peak_resident_bytes(function)
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    function()
    return torch.cuda.max_memory_allocated() - before


def peak_resident_bytes(function: Callable[[], object]) -> int:
    """Return by how many bytes this process's resident memory grows at most during a call (Linux).

    Raises:
        OSError: the kernel offers no high-water mark that can be reset.
    """
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    before = _status("VmRSS")
    function()
    return max(0, _status("VmHWM") - before)


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {field}")
