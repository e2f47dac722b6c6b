"""GPU leases: an ``flock`` per GPU, held by the process that computes on it.

The kernel ties the lease to the process: it neither outlives the run nor ends before it, whatever
dies, and the same files in a container (bind-mounted) hold against the host. A run that has a GPU
to itself locks the GPU's file exclusively; runs that share it lock that file shared, and one of
its numbered seats exclusively.
"""

from __future__ import annotations

import fcntl
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from kit import environment, paths
from kit.engines import devices, visible
from kit.engines.devices import Gpu
from kit.errors import BusyError, KitError

# Part of a run's share of GPU memory that must be free; the driver keeps some for itself.
FREE = 0.9
SECONDS_BETWEEN_TRIES = (0.05, 0.5)
CORES = "KIT_CORES"
TAKE_IT = f"{environment.TAKE_BUSY}=1 takes it all the same"


@dataclass(frozen=True)
class Free:
    """The GPUs that could be leased at this moment, and why the others could not."""

    uuids: tuple[str, ...]
    reasons: Mapping[str, str]


def folder() -> Path:
    """Return the folder of the lock files (``KIT_LOCKS``): one for all users of the machine.

    It is absolute: Docker takes another name for that of a volume, in which locks would be alone.

    Raises:
        KitError: it is below an unknown home.
    """
    return paths.expanded("KIT_LOCKS", os.environ.get("KIT_LOCKS") or "/tmp/kit-locks")


def make_folder() -> None:
    """Make the folder, where anybody may lock but nobody may remove a file of others."""
    if not folder().exists():
        folder().mkdir(parents=True, exist_ok=True)
        with suppress(PermissionError):  # another user has just made it, who sets this, too
            folder().chmod(0o1777)


@contextmanager
def lease(
    count: int,
    timeout: float | None = None,
    *,
    among: Sequence[str] | None = None,
    share: int = 1,
    log: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[str, ...]]:
    """Hold ``count`` GPUs for as long as the block runs: all of them or none, so never a deadlock.

    Args:
        count: GPUs that are needed at the same time.
        timeout: for how many seconds to try; None for as long as it takes.
        among: UUIDs to choose from; None for all that NVML shows.
        share: how many runs may share a GPU, this one included.
        log: takes the reason for waiting, each time that it changes.

    Yields:
        The UUIDs.

    Raises:
        BusyError: the time is up; the line says who or what is in the way.
        KitError: there are fewer GPUs than asked for.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    said, pause = "", SECONDS_BETWEEN_TRIES[0]
    while True:
        with ExitStack() as held:
            uuids, reasons = _hold(count, among, share, held)
            if len(uuids) == count:
                yield uuids
                return
        if len(uuids) + len(reasons) < count:
            raise KitError(f"{count} GPUs are needed, and there are {len(uuids) + len(reasons)}")
        why = "; ".join(f"{uuid} is {reason}" for uuid, reason in reasons.items())
        if deadline is not None and time.monotonic() >= deadline:
            raise BusyError(f"no GPU to be had: {why}")
        if why != said:
            log(f"waiting for a GPU: {why}")
            said = why
        # Not in step with others that wait, and not often once it takes long.
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(2 * pause, SECONDS_BETWEEN_TRIES[1])


@contextmanager
def core(count: int, timeout: float | None) -> Iterator[None]:
    """Hold one of ``count`` places of the machine's CPU for as long as the block runs.

    Args:
        count: how many there are.
        timeout: for how many seconds to try; None for as long as it takes.

    Raises:
        BusyError: the time is up.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        with ExitStack() as held:
            if any(_places(count, held)):
                yield
                return
        if deadline is not None and time.monotonic() >= deadline:
            raise BusyError(f"no core to be had: runs have all {count}")
        time.sleep(SECONDS_BETWEEN_TRIES[1] * random.uniform(0.5, 1.5))


def free_cores(count: int) -> int:
    """Return how many of ``count`` places of the CPU could be leased at this moment."""
    with ExitStack() as held:
        return sum(_places(count, held))


def _places(count: int, held: ExitStack) -> Iterator[bool]:
    """Lock the places of the CPU one by one; yields whether each was free."""
    return (_lock(f"cpu.{number}.lock", fcntl.LOCK_EX, held) for number in range(count))


def runs_per_gpu() -> int:
    """Return how many runs, or processes of one, may share a GPU (``KIT_JOBS_PER_GPU``)."""
    return int(environment.number("KIT_JOBS_PER_GPU", least=1) or 1)


def free(among: Sequence[str] | None = None, share: int = 1) -> Free:
    """Look which GPUs could be leased; holds them for an instant and lets go."""
    with ExitStack() as held:
        return Free(*_hold(None, among, share, held))


@contextmanager
def for_this_process(
    count: int,
    device: str | None,
    *,
    wanted: str | None = None,
    log: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[str, ...]]:
    """Lease what a run needs and let CUDA see nothing else; to be entered before torch is imported.

    Environment variables: ``KIT_GPU`` names the GPUs that may be taken (``0,1`` or UUIDs),
    ``KIT_GPU_WAIT`` the seconds to try for, ``KIT_JOBS_PER_GPU`` how many runs may share a GPU;
    ``KIT_TAKE_BUSY_GPU=1`` takes one that other programs use.

    Args:
        count: how many GPUs the method needs.
        device: ``cpu`` for none. None are leased either where there are no GPUs or
            ``CUDA_VISIBLE_DEVICES`` is empty; a run that a sweep started then leases one of the
            CPU's places, of which ``KIT_CORES`` says how many there are.
        wanted: in place of ``KIT_GPU``.
        log: takes the reason for waiting.

    Yields:
        The UUIDs, none on the CPU.
    """
    among = [] if device == "cpu" else visible.allowed(wanted)
    on_cpu = among == [] or (among is None and not devices.gpus())
    timeout = environment.number("KIT_GPU_WAIT")
    if on_cpu:
        cores = environment.number(CORES, least=1)
        with nullcontext() if cores is None else core(int(cores), timeout):
            yield ()
        return
    with lease(count, timeout, among=among, share=runs_per_gpu(), log=log) as uuids:
        # What this process chose from, for the workers that it may start.
        os.environ["KIT_GPU"] = ",".join(among or [gpu.uuid for gpu in devices.gpus()])
        show(uuids)
        yield uuids


def show(uuids: Sequence[str]) -> None:
    """Let CUDA see these GPUs alone in this process, which has not used it yet."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(uuids)
    # Numbers mean the same to CUDA as to the driver, not the fastest first.
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"


def _hold(
    count: int | None, among: Sequence[str] | None, share: int, held: ExitStack
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Lock up to ``count`` GPUs (None: all) into ``held``; returns them, and the reasons why not.

    Only then is NVML asked what runs on them: once a GPU is locked, no run of the kit begins there.
    """
    names = [gpu.uuid for gpu in devices.gpus()] if among is None else among
    names = devices.usable(names, count or 1)
    locked: dict[str, tuple[ExitStack, int]] = {}
    reasons: dict[str, str] = {}
    for uuid in names:
        if count is not None and len(locked) == count:
            break
        stack = held.enter_context(ExitStack())
        others = _seat(uuid, share, stack)
        if others is None:
            holders = "another run" if share == 1 else f"{share} other runs"
            reasons[uuid] = f"leased to {holders}"
        else:
            locked[uuid] = (stack, others)
    now = {gpu.uuid: gpu for gpu in devices.gpus()} if locked else {}
    for uuid, (stack, others) in list(locked.items()):
        reason = _unfit(now.get(uuid), share, others)
        if reason is not None:
            reasons[uuid] = reason
            stack.close()
            del locked[uuid]
    if count is not None and len(locked) < count and len(locked) + len(reasons) < len(names):
        # Some of the locked ones were unfit: go on among those not looked at.
        rest = [uuid for uuid in names if uuid not in locked and uuid not in reasons]
        more, why = _hold(count - len(locked), rest, share, held)
        return (*locked, *more), reasons | why
    return tuple(locked), reasons


def _seat(uuid: str, share: int, stack: ExitStack) -> int | None:
    """Lock a seat of a GPU and return how many others are taken, or None where all are."""
    if share == 1:
        return 0 if _lock(f"{uuid}.lock", fcntl.LOCK_EX, stack) else None
    if not _lock(f"{uuid}.lock", fcntl.LOCK_SH, stack):
        return None
    mine, taken = False, 0
    for seat in range(share):
        with ExitStack() as attempt:
            if not _lock(f"{uuid}.{seat}.lock", fcntl.LOCK_EX, attempt):
                taken += 1
            elif not mine:
                mine = True
                stack.push(attempt.pop_all())
    if not mine:
        stack.close()
    return taken if mine else None


def _unfit(gpu: Gpu | None, share: int, others: int) -> str | None:
    """Return why a GPU that no other run of the kit holds cannot be used all the same."""
    if gpu is None:
        return "gone: NVML does not show it"
    if environment.number(environment.TAKE_BUSY):
        return None
    if len(gpu.processes) > others:
        pids = ", ".join(map(str, gpu.processes))
        return f"busy with work that is not the kit's (process {pids}; {TAKE_IT})"
    if gpu.free < FREE * gpu.memory / share:
        there = f"{gpu.free >> 20} of {gpu.memory >> 20} MB are free"
        return f"short of memory: {there} ({TAKE_IT})"
    return None


def _lock(name: str, how: int, stack: ExitStack) -> bool:
    """Lock a file of the folder, which is made if need be; for ``flock`` reading is enough."""
    path = folder() / name
    try:
        handle = _open(path)
        stack.callback(os.close, handle)
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise KitError(f"{path}: {error.strerror}; KIT_LOCKS names another folder") from None
    return True


def _open(path: Path) -> int:
    # First without O_CREAT: in a sticky folder the kernel refuses it on another user's file.
    with suppress(FileNotFoundError):
        return os.open(path, os.O_RDONLY)
    make_folder()
    handle = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    with suppress(PermissionError):
        os.fchmod(handle, 0o644)  # whatever is masked: others must be able to look at it
    return handle
