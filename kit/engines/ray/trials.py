"""Trials of one run on a cluster, each on whichever node has a GPU free, or a core without GPUs.

The run's own process decides which of them train on, keeps their records, and waits. They read its
spec and leave their histories and checkpoints in its folder, from where they go on if their node is
lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import msgspec
import ray
from ray.exceptions import RayError

from kit import method
from kit.engines import engine, leases
from kit.engines.ray import cluster, seats
from kit.engines.trial_worker import Done, Failed, Setup, answer
from kit.engines.trial_workers import Keep
from kit.errors import UnavailableError, last_line
from kit.runs.failures import TrialError
from kit.runs.provenance import code_of_task
from kit.runs.trial_records import TrialRecord, TrialWork
from kit.spec import RunSpec

RETRIES = 3
# Jobs that Ray has for each GPU or core: one at work, one on its way.
AT_A_TIME = 2


@contextmanager
def ray_trials(
    address: str, spec: RunSpec, device: str | None, threads: int | None
) -> Iterator[RayTrials]:
    """Yield what trains the trials of a run on the cluster at an address.

    Raises:
        UnavailableError: there is no such cluster, or a node of it cannot work with this machine.
    """
    cluster.join(address)
    states = cluster.inspect(cluster.alive(), [], engine.SweepOptions()).values()
    for state in states:
        if state.trouble is not None:
            raise UnavailableError(f"node {state.host} {state.trouble}")
    if device is None and not any(state.gpus for state in states):
        device = "cpu"
    gpus = 0 if device == "cpu" else method.find(spec.method).gpus
    room = sum(state.gpus // gpus if gpus else state.cpus for state in states)
    trials = RayTrials(Setup(spec, device, threads), gpus, int(room) or 1)
    try:
        yield trials
    finally:
        trials.release()


class RayTrials:
    """See ``kit.base.trials.RemoteTrials``.

    Args:
        setup: whose trials they are.
        gpus: that each needs.
        room: how many can be trained at a time.
    """

    def __init__(self, setup: Setup, gpus: int, room: int) -> None:
        self._train = ray.remote(num_gpus=gpus, max_retries=RETRIES)(_train)
        code, given = code_of_task(setup.spec.task), cluster.variables()
        self._common: Any = ray.put((msgspec.json.encode(setup), code, given))
        self._limit = AT_A_TIME * room
        self._waiting: deque[tuple[TrialWork, Keep]] = deque()
        self._under_way: dict[Any, Keep] = {}

    def begin(self, job: TrialWork, keep: Keep) -> None:
        """Have a trial trained once there is room."""
        self._waiting.append((job, keep))
        self._fill()

    def collect(self, here: Callable[[TrialWork], TrialRecord]) -> None:
        """Wait for the next trial that ends; none is trained here, which may be no node."""
        del here
        (ended,), _ = ray.wait(list(self._under_way), num_returns=1)
        keep = self._under_way.pop(ended)
        self._fill()
        try:
            told = msgspec.json.decode(ray.get(ended), type=Done | Failed)
        except RayError as error:
            line = f"a trial on the Ray cluster was lost: {last_line(str(error))}"
            raise TrialError("infrastructure", line) from None
        if isinstance(told, Failed):
            raise told.error()
        keep(told.record)

    def release(self) -> None:
        """Take back what has not ended."""
        self._waiting.clear()
        for trial in self._under_way:
            ray.cancel(trial, force=True)
        self._under_way.clear()

    def _fill(self) -> None:
        while self._waiting and len(self._under_way) < self._limit:
            job, keep = self._waiting.popleft()
            self._under_way[self._train.remote(self._common, msgspec.json.encode(job))] = keep


def _train(common: tuple[bytes, str, Mapping[str, str | None]], work: bytes) -> bytes:
    """On a node: train a trial and return the answer."""
    text, code, given = common
    cluster.take_over(given)
    leases.show(seats.given())
    setup = msgspec.json.decode(text, type=Setup)
    name = setup.spec.task
    if _own_code(name) != code:
        line = f"a node's kit or its task {name} differs from the one here"
        return msgspec.json.encode(Failed("infrastructure", line, mistake=True))
    return msgspec.json.encode(answer(setup, msgspec.json.decode(work, type=TrialWork)))


@cache
def _own_code(task: str) -> str:
    """Return the hash of the code that this worker has loaded, once for all its trials."""
    return code_of_task(task)
