"""Where runs can go: onto the CPU, a limited number at a time, or onto GPUs that are free."""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Protocol

from kit.engines import devices, leases
from kit.engines.devices import usable
from kit.engines.jobs import Job

# NVML is asked this often about GPUs that others hold; at once after a run of one's own ended.
SECONDS_BETWEEN_LOOKS = 1.0


class Slots(Protocol):
    """What a queue needs to know of the machine."""

    @property
    def capacity(self) -> int:
        """How many runs of one GPU there can be at a time."""

    def rejection(self, job: Job) -> str | None:
        """Return why a run can never go here, as ``needs ...``."""

    @property
    def reasons(self) -> Mapping[str, str]:
        """Why GPUs that this queue does not use are not free, by UUID; or nodes, by name."""

    def acquire(self, job: Job) -> tuple[str, ...] | None:
        """Take a slot for a run; returns the GPUs' UUIDs, None where there is none."""

    def reserve(self, uuids: tuple[str, ...]) -> None:
        """Count a slot as taken, as by a run that was found running."""

    def release(self, uuids: tuple[str, ...]) -> None:
        """Give a slot back."""


class Cpu:
    """A limited number of runs at a time, without GPUs.

    Args:
        capacity: how many runs of this queue.
        cores: how many places all queues of this machine share; each run leases one of them. None
            where runs lease none.
    """

    reasons: Mapping[str, str] = {}

    def __init__(self, capacity: int, cores: int | None = None) -> None:
        self.capacity, self.cores, self._taken = capacity, cores, 0
        self._free, self._refreshed = 0, float("-inf")

    def __str__(self) -> str:
        return f"the CPU, {self.capacity} at a time"

    def rejection(self, job: Job) -> str | None:
        """Every run can go onto the CPU."""
        return None

    def acquire(self, job: Job) -> tuple[str, ...] | None:
        """Take a slot, however many GPUs the run would like."""
        if self._taken >= self.capacity or not self._room():
            return None
        self._taken += 1
        return ()

    def reserve(self, uuids: tuple[str, ...]) -> None:
        """Count a slot as taken."""
        self._taken += 1

    def release(self, uuids: tuple[str, ...]) -> None:
        """Give a slot back."""
        self._taken -= 1
        self._refreshed = float("-inf")

    def _room(self) -> bool:
        """Tell whether a run that starts now finds a place; others may be quicker."""
        if self.cores is None:
            return True
        if time.monotonic() - self._refreshed >= SECONDS_BETWEEN_LOOKS:
            self._free, self._refreshed = leases.free_cores(self.cores), time.monotonic()
        self._free -= 1
        return self._free >= 0


class Gpus:
    """GPUs by UUID, each with room for ``share`` runs; which of them are free, the leases say.

    At most ``limit`` of those seats are in use at a time.
    """

    def __init__(self, uuids: Sequence[str], share: int = 1, limit: int | None = None) -> None:
        self.uuids, self.share = tuple(uuids), share
        self.limit = min(len(self.uuids) * share, limit or sys.maxsize)
        self.reasons: Mapping[str, str] = {}
        self._taken: Counter[str] = Counter()
        self._free: set[str] = set()
        self._refreshed = float("-inf")

    def __str__(self) -> str:
        return "1 GPU" if self.capacity == 1 else f"{self.capacity} GPUs"

    @property
    def capacity(self) -> int:
        """How many seats there are."""
        return self.limit

    def rejection(self, job: Job) -> str | None:
        """Return why there are too few that one run can use, or too few with enough memory."""
        names = usable(self.uuids, job.gpus)
        if job.gpus > min(len(names), self.limit):
            return f"needs {job.gpus} GPUs; here {self.capacity}"
        if sum(job.fits(self._shares[uuid]) for uuid in names) < job.gpus:
            return job.too_large(self._shares[uuid] for uuid in names)
        return None

    def acquire(self, job: Job) -> tuple[str, ...] | None:
        """Take GPUs, the least used first. The run has to lease them: others may be quicker."""
        gpus = job.gpus
        if self._taken.total() + gpus > self.limit:
            return None
        if time.monotonic() - self._refreshed >= SECONDS_BETWEEN_LOOKS:
            self._refresh()
        room = [
            uuid
            for uuid in usable(self.uuids, gpus)
            if uuid in self._free and self._room(uuid) and job.fits(self._shares[uuid])
        ]
        if len(room) < gpus:
            return None
        chosen = tuple(sorted(room, key=lambda uuid: self._taken[uuid])[:gpus])
        self.reserve(chosen)
        return chosen

    def reserve(self, uuids: tuple[str, ...]) -> None:
        """Count GPUs as taken."""
        self._taken.update(uuids)

    def release(self, uuids: tuple[str, ...]) -> None:
        """Give GPUs back, and have a fresh look at what is free."""
        self._taken.subtract(uuids)
        self._refreshed = float("-inf")

    def _refresh(self) -> None:
        found = leases.free([uuid for uuid in self.uuids if self._room(uuid)], self.share)
        self._free, self._refreshed = set(found.uuids), time.monotonic()
        self.reasons = found.reasons

    @cached_property
    def _shares(self) -> Mapping[str, float]:
        """Bytes that a run has of each GPU, as far as NVML shows them."""
        known = {gpu.uuid: gpu.memory / self.share for gpu in devices.gpus()}
        return {uuid: known.get(uuid, math.inf) for uuid in self.uuids}

    def _room(self, uuid: str) -> bool:
        return self._taken[uuid] < self.share
