"""Opening a run in this process: its device, its data, its method and what that sees."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import msgspec
import torch

from kit import method, task
from kit.allocator import keep_freed_memory
from kit.base.context import Context
from kit.base.method import Method, load
from kit.base.trial import train
from kit.data.folds import TaskData
from kit.data.prepared import Prepared, open_prepared, repair
from kit.engines import torch_device
from kit.errors import DataError
from kit.files import decode_json
from kit.runs.folder import RunFolder
from kit.runs.trial_records import TrialRecord, TrialWork
from kit.spec import RunSpec

# Data up to this size are hashed before every run; larger ones by 'kit data verify'.
HASH_BYTES = 2 << 30


def device_of(spec: RunSpec, name: str | None, threads: int | None) -> torch.device:
    """Return the device to compute on; set torch's threads, keep freed memory for what follows.

    Args:
        spec: of the run.
        name: ``cpu``, ``cuda``, or None for a GPU where there is one.
        threads: None for one in reduced profiles and all in ``paper``.

    Raises:
        KitError: there is no such device, or a GPU that torch cannot use.
    """
    device = torch.device(torch_device.choose(name))
    threads = threads or (None if spec.profile == "paper" else 1)
    if threads is not None:
        torch.set_num_threads(threads)
    keep_freed_memory()
    return device


def checked(spec: RunSpec) -> Prepared:
    """Return the data of a run.

    Raises:
        DataError: they are missing, or changed on disk.
    """
    the_task = task.find(spec.task)
    prepared = open_prepared(the_task, spec.tier, spec.profile)
    size = sum(info.bytes for info in prepared.manifest.arrays.values())
    damaged = prepared.damaged() if size <= HASH_BYTES else []
    if damaged:
        mend = repair(the_task, spec.tier, spec.profile)
        raise DataError(f"{prepared.folder}: {', '.join(damaged)} changed on disk; run '{mend}'")
    return prepared


def opened(
    folder: RunFolder, prepared: Prepared, device: torch.device
) -> tuple[Method[Any], Context]:
    """Return a run's method, set as its spec says, and what it sees of the run."""
    spec, the_task = folder.spec, task.find(folder.spec.task)
    the_method = load(method.find(spec.method), spec)
    data = TaskData(the_task, prepared, device)
    context = Context(
        spec, the_task, the_method.settings, data, folder, run_trial=the_method.run_trial
    )
    return the_method, context


def run_trial(
    spec: RunSpec, device: str | None, threads: int | None, job: TrialWork
) -> TrialRecord:
    """Train a trial for another process, which executes the run, and return its record.

    Args:
        spec: of the run.
        device: and ``threads``, as for ``device_of``.
        threads: of torch on the CPU.
        job: which trial, and how far.
    """
    context = _opened_for_trials(msgspec.json.encode(spec), device, threads)
    return train(job, context.folder, partial(context.run_trial, context))


@lru_cache(maxsize=1)
def _opened_for_trials(spec: bytes, device: str | None, threads: int | None) -> Context:
    """Open a run once for all trials that this process trains."""
    of = decode_json(spec, RunSpec)
    return opened(RunFolder(of), checked(of), device_of(of, device, threads))[1]
