"""The GPUs of this machine, by NVML; without torch, so that planning stays light."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kit.errors import UnavailableError

GIB = 2**30


@dataclass(frozen=True)
class Gpu:
    """One GPU as it is now, or a MIG device, which is a part of one; memory in bytes.

    Attributes:
        number: by which NVIDIA's tools name it: ``0``, or ``0:1`` for a part.
        memory: in all; the machine's where a GPU has none of its own.
        free: not in use by anybody, as far as the driver tells.
        processes: pids that compute on it, as the host counts them; none where nobody tells.
        old_name: of a MIG device: ``MIG-GPU-<uuid>/<instance>/<compute instance>``.
    """

    number: str
    uuid: str
    model: str
    memory: int
    driver: str
    free: int = 0
    processes: tuple[int, ...] = ()
    old_name: str | None = None


@dataclass(frozen=True)
class VisibleGpus:
    """What NVML shows: GPUs that answer, and by their numbers why others do not."""

    gpus: Sequence[Gpu]
    broken: Mapping[str, str]


def gpus() -> list[Gpu]:
    """Return the GPUs that NVML sees and that answer; none without a driver.

    Of a GPU in MIG mode they are its parts: nothing can run on the whole.

    Raises:
        UnavailableError: there is a driver or a GPU, and none can be used.
    """
    found = find()
    if found.broken and not found.gpus:
        each = "; ".join(f"GPU {number}: {why}" for number, why in found.broken.items())
        raise UnavailableError(f"no GPU can be used ({each}); mend that, or use --device cpu")
    return list(found.gpus)


def find() -> VisibleGpus:
    """Return the GPUs that answer, and why others do not.

    Raises:
        UnavailableError: there is a driver that does not work.
    """
    import pynvml

    try:
        pynvml.nvmlInit()
        # Never shut down again: the first initialisation can take a second, the others take none.
        count = pynvml.nvmlDeviceGetCount()
    except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded):
        return VisibleGpus([], {})
    except pynvml.NVMLError as error:
        raise UnavailableError(
            f"the NVIDIA driver does not work here ({error}; 'nvidia-smi' says more); mend that, "
            "or use --device cpu"
        ) from None
    driver = str(_asked(pynvml, pynvml.nvmlSystemGetDriverVersion, default="unknown"))
    working: list[Gpu] = []
    broken: dict[str, str] = {}
    for index in range(count):
        try:
            handles = _handles(pynvml, index)
        except pynvml.NVMLError as error:
            broken[str(index)] = str(error)
            continue
        for number, handle in handles:
            try:
                working.append(_gpu(pynvml, number, handle, driver))
            except pynvml.NVMLError as error:
                broken[number] = str(error)
        if not handles:
            broken[str(index)] = "in MIG mode, without a part that can be used"
    return VisibleGpus(working, broken)


def cuda_version() -> str | None:
    """Return the newest CUDA that the driver can run, such as ``12.4``; None if it tells of none.

    NVML must have been initialised, as ``find`` does.
    """
    import pynvml

    number = int(_asked(pynvml, pynvml.nvmlSystemGetCudaDriverVersion, default=0))
    return f"{number // 1000}.{number % 1000 // 10}" if number else None


def usable(uuids: Sequence[str], together: int) -> list[str]:
    """Return the GPUs that one process can use ``together`` of; of MIG devices it sees only one."""
    return [uuid for uuid in uuids if together == 1 or not uuid.startswith("MIG-")]


def _handles(nvml: Any, index: int) -> list[tuple[str, Any]]:
    """Return the number and handle of a GPU, or of each of its parts."""
    whole = nvml.nvmlDeviceGetHandleByIndex(index)
    # A model, or a driver, that knows no MIG says so by an error.
    split, _ = _asked(nvml, nvml.nvmlDeviceGetMigMode, whole, default=(0, 0))
    if split == nvml.NVML_DEVICE_MIG_DISABLE:
        return [(str(index), whole)]
    parts = []
    for part in range(nvml.nvmlDeviceGetMaxMigDeviceCount(whole)):
        # There can be fewer of them, with gaps.
        handle = _asked(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex, whole, part, default=None)
        if handle is not None:
            parts.append((f"{index}:{part}", handle))
    return parts


def _gpu(nvml: Any, number: str, handle: Any, driver: str) -> Gpu:
    """Return a GPU; only its UUID must be known, all else has a default.

    Raises:
        NVMLError: it has fallen off the bus, or has no UUID.
    """
    uuid = str(nvml.nvmlDeviceGetUUID(handle))
    memory = _asked(nvml, nvml.nvmlDeviceGetMemoryInfo, handle, default=None)
    # A GPU that shares the machine's memory tells of none.
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    processes = _asked(nvml, nvml.nvmlDeviceGetComputeRunningProcesses, handle, default=())
    return Gpu(
        number=number,
        uuid=uuid,
        model=str(_asked(nvml, nvml.nvmlDeviceGetName, handle, default="unknown model")),
        memory=machine if memory is None else int(memory.total),
        driver=driver,
        free=machine if memory is None else int(memory.free),
        processes=tuple(int(each.pid) for each in processes),
        old_name=_old_name(nvml, handle) if uuid.startswith("MIG-") else None,
    )


def _old_name(nvml: Any, part: Any) -> str | None:
    """Return the name of a MIG device by its GPU, as drivers before 470 have it."""
    whole = _asked(nvml, nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle, part, default=None)
    instance = _asked(nvml, nvml.nvmlDeviceGetGpuInstanceId, part, default=None)
    compute = _asked(nvml, nvml.nvmlDeviceGetComputeInstanceId, part, default=None)
    if whole is None or instance is None or compute is None:
        return None
    uuid = _asked(nvml, nvml.nvmlDeviceGetUUID, whole, default=None)
    return None if uuid is None else f"MIG-{uuid}/{instance}/{compute}"


def _asked(nvml: Any, query: Any, *arguments: Any, default: Any) -> Any:
    """Return what NVML answers, or the default where this model or driver cannot.

    Raises:
        NVMLError: the GPU is lost.
    """
    try:
        return query(*arguments)
    except nvml.NVMLError_GpuIsLost:
        raise
    except (nvml.NVMLError, nvml.NVMLLibraryMismatchError):
        # The second, of a driver older than the query, is none of the first.
        return default
