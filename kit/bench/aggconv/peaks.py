"""Peak memory of a forward and a backward pass of AggConv."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from kit.bench.aggconv.cases import AggConvCase
from kit.bench.aggconv.steps import step
from kit.bench.measure import in_fresh_process
from kit.bench.measure import peak_bytes as growth


def peak_bytes(case: AggConvCase, method: str, threads: int, memory: str, device: str) -> int:
    """Return a step's peak memory beyond its inputs, in bytes; on the CPU in a fresh process."""
    arguments: dict[str, Any] = {
        "case": dataclasses.asdict(case),
        "method": method,
        "threads": threads,
        "memory": memory,
        "device": device,
    }
    if device.startswith("cuda"):
        return peak_of_a_step(**arguments)
    return int(in_fresh_process("kit.bench.aggconv.peaks:peak_of_a_step", **arguments))


def peak_of_a_step(
    case: dict[str, Any], method: str, threads: int, memory: str, device: str
) -> int:
    """Return the peak memory in bytes of a case's first step, after a tiny one, in this process."""
    torch.set_num_threads(threads)
    fields: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in case.items()
    }
    real = AggConvCase(**fields)
    tiny = dataclasses.replace(
        real,
        batch=1,
        channels=2,
        outputs=2 if real.depthwise else 3,
        sizes=(4,) * len(real.sizes),
        kernel_sizes=(3, 5),
        dilations=(1, 2),
    )
    step(tiny, method, memory=memory, device=device)()
    function = step(real, method, memory=memory, device=device)
    return growth(function, device)
