"""The GPUs of this machine, by NVML; without torch, so that planning stays light."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kit.errors import KitError

GIB = 2**30


@dataclass(frozen=True)
class Gpu:
    """One GPU as it is now, or a MIG device, which is a part of one; memory in bytes.

    Attributes:
        number: by which NVIDIA's tools name it: ``0``, or ``0:1`` for a part.
        memory: in all.
        free: not in use by anybody.
        processes: pids that compute on it, as the host counts them.
    """

    number: str
    uuid: str
    model: str
    memory: int
    driver: str
    free: int = 0
    processes: tuple[int, ...] = ()


def gpus() -> list[Gpu]:
    """Return the GPUs that NVML sees and that answer; none without a driver.

    Of a GPU in MIG mode they are its parts: nothing can run on the whole.
    """
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    # Never shut down again: the first initialisation can take a second, the others take none.
    driver = str(pynvml.nvmlSystemGetDriverVersion())
    handles: list[tuple[str, Any]] = []
    for index in range(pynvml.nvmlDeviceGetCount()):
        with suppress(pynvml.NVMLError):
            handles += _handles(pynvml, index)
    found = (_gpu(pynvml, number, handle, driver) for number, handle in handles)
    return [gpu for gpu in found if gpu is not None]


def usable(uuids: Sequence[str], together: int) -> list[str]:
    """Return the GPUs of which one process can use so many: it sees one MIG device at most."""
    return [uuid for uuid in uuids if together == 1 or not uuid.startswith("MIG-")]


def allowed(wanted: str | None = None) -> list[str] | None:
    """Return the UUIDs of the GPUs that may be used, None for any, an empty list for none.

    That is what ``wanted`` names, else ``KIT_GPU``, else ``CUDA_VISIBLE_DEVICES``, which is empty
    where somebody wants the GPUs to be left alone.

    Args:
        wanted: numbers (``0,1``, or ``0:1`` for a MIG device), or UUIDs or their beginnings. A
            UUID that NVML does not show (any more) is kept: whoever asks for it is told that it is
            gone.

    Raises:
        KitError: a number that no GPU has, or a word that is neither number nor UUID.
    """
    words = wanted or os.environ.get("KIT_GPU") or os.environ.get("CUDA_VISIBLE_DEVICES")
    if words is None:
        return None
    if words.strip() in ("", "-1"):
        return []
    known = gpus()
    return list(dict.fromkeys(_one(word.strip(), known) for word in words.split(",")))


def _one(word: str, known: Sequence[Gpu]) -> str:
    for gpu in known:
        if gpu.number == word:
            return gpu.uuid
    if word.startswith(("GPU-", "MIG-")):
        begins = [gpu.uuid for gpu in known if gpu.uuid.startswith(word)]
        return begins[0] if len(begins) == 1 else word
    there = ", ".join(f"{gpu.number} ({gpu.uuid})" for gpu in known) or "none"
    raise KitError(f"no GPU {word!r}; there is {there}")


def _handles(nvml: Any, index: int) -> list[tuple[str, Any]]:
    """Return the number and handle of a GPU, or of each of its parts."""
    whole = nvml.nvmlDeviceGetHandleByIndex(index)
    try:
        split, _ = nvml.nvmlDeviceGetMigMode(whole)
    except nvml.NVMLError:  # a model, or a driver, that knows no MIG
        split = nvml.NVML_DEVICE_MIG_DISABLE
    if split == nvml.NVML_DEVICE_MIG_DISABLE:
        return [(str(index), whole)]
    parts = []
    for part in range(nvml.nvmlDeviceGetMaxMigDeviceCount(whole)):
        with suppress(nvml.NVMLError):  # there can be fewer of them, with gaps
            handle = nvml.nvmlDeviceGetMigDeviceHandleByIndex(whole, part)
            parts.append((f"{index}:{part}", handle))
    return parts


def _gpu(nvml: Any, number: str, handle: Any, driver: str) -> Gpu | None:
    """Return a GPU, or None where it has fallen off the bus."""
    try:
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        return Gpu(
            number=number,
            uuid=str(nvml.nvmlDeviceGetUUID(handle)),
            model=str(nvml.nvmlDeviceGetName(handle)),
            memory=int(memory.total),
            driver=driver,
            free=int(memory.free),
            processes=_processes(nvml, handle),
        )
    except nvml.NVMLError:
        return None


def _processes(nvml: Any, handle: Any) -> tuple[int, ...]:
    try:
        return tuple(int(each.pid) for each in nvml.nvmlDeviceGetComputeRunningProcesses(handle))
    except (nvml.NVMLError_NotSupported, nvml.NVMLError_NoPermission):
        return ()
