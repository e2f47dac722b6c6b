"""What a GPU makes of the kit, in one go and under ten minutes: a JSON file and a page.

Its parts (``kit.bench.gpu.parts``) take the device and sizes, so that the CPU can run all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from kit.bench.gpu.parts import Sizes, jobs
from kit.bench.gpu.report import GpuReport, Row, save
from kit.errors import KitError
from kit.runs import provenance

BUDGET = 500.0
"""Seconds after which no further job begins; the longest is meant to take less than one minute."""


def measure(
    device: str = "cuda",
    sizes: Sizes | None = None,
    *,
    budget: float = BUDGET,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> GpuReport:
    """Run all parts and keep the report, which is written after each job.

    Args:
        device: ``cuda``; or ``cpu``, which shows that the parts work.
        sizes: what is measured; by default what suits a GPU of 16 GB.
        budget: see ``BUDGET``; what did not begin is listed in the report.
        progress: called with (jobs done, jobs in all).
    """
    on_gpu = device.startswith("cuda")
    report = GpuReport(
        device=torch.cuda.get_device_name() if on_gpu else "CPU",
        memory=torch.cuda.get_device_properties(0).total_memory if on_gpu else None,
        torch=str(torch.__version__),
        cuda=torch.version.cuda if on_gpu else None,
        commit=provenance.git_state()[0],
        seconds=0.0,
        parts={},
        problems=[],
    )
    begin = time.monotonic()
    todo = jobs(device, sizes or Sizes())
    for number, job in enumerate(todo):
        progress(number, len(todo))
        rows: list[Row] = []
        if time.monotonic() - begin > budget:
            report.problems.append(f"{job.part}, {job.name}: left out, {budget:.0f} s were over")
        else:
            try:
                rows = [dict(row) for row in job.run()]
            except (KitError, RuntimeError) as error:  # the second also for what CUDA has to say
                line = str(error).strip().partition("\n")[0]
                report.problems.append(f"{job.part}, {job.name}: {line}")
        report.parts.setdefault(job.part, []).extend(rows)
        report.seconds = round(time.monotonic() - begin, 1)
        save(report)
    progress(len(todo), len(todo))
    return report


__all__ = ["BUDGET", "Sizes", "measure"]
