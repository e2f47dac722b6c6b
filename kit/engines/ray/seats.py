"""Where runs can go on a Ray cluster: seats, each with a GPU (or a core) that Ray has given it.

A seat is an actor that lives for many runs, since a new worker takes Ray more than a second. It
holds its GPU against everybody else who uses the cluster, and is given back when it stays empty.
"""

from __future__ import annotations

import math
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import ray

from kit.columns import plural
from kit.engines import visible
from kit.engines.engine import SweepOptions, sweep
from kit.engines.jobs import Job
from kit.engines.ray import cluster
from kit.engines.ray.cluster import RayNode
from kit.errors import KitError, UnavailableError, last_line
from kit.spec import RunSpec

SECONDS_BETWEEN_LOOKS = 1.0
# After which an empty seat is given back, and a node that has failed is looked at again.
SECONDS_EMPTY = 10.0
SECONDS_IN_TROUBLE = 60.0


class Actor:
    """A seat on its node: a supervisor beside it makes the runs, and ends them when it is gone."""

    def __init__(
        self, command: Sequence[str], options: SweepOptions, variables: Mapping[str, str | None]
    ) -> None:
        cluster.take_over(variables)
        self.uuids = given()
        self.supervisor = subprocess.Popen(
            [sys.executable, *command, msgspec.json.encode(options).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.supervisor.wait()  # the process that goes on is its child

    def gpus(self) -> tuple[str, ...]:
        """Return the UUIDs of the GPUs that Ray has given, none on the CPU."""
        return self.uuids

    def run(self, order: bytes) -> bytes:
        """Have a run made; returns how it ended, nothing if its supervisor was killed."""
        self.order(order)
        assert self.supervisor.stdout is not None
        return self.supervisor.stdout.readline()

    def order(self, order: bytes) -> None:
        """Pass an order on."""
        assert self.supervisor.stdin is not None
        self.supervisor.stdin.write(order + b"\n")
        self.supervisor.stdin.flush()


def given() -> tuple[str, ...]:
    """Return the UUIDs of the GPUs that Ray has given this worker: it numbers them as NVML does."""
    numbers = ray.get_runtime_context().get_accelerator_ids()["GPU"]
    return tuple(visible.allowed(",".join(numbers)) or ()) if numbers else ()


@dataclass(eq=False)
class Seat:
    """A seat as the sweep sees it.

    Attributes:
        name: by which Ray finds the actor again.
        ready: what it has, once Ray has found it a place.
        uuids: the same, as soon as that is known.
        busy: whether a run is under way in it.
        since: when it got empty.
    """

    name: str
    actor: Any
    ready: Future[tuple[str, ...]]
    uuids: tuple[str, ...] | None = None
    busy: bool = False
    since: float = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether it can take a run."""
        return self.uuids is not None and not self.busy


@dataclass(eq=False)
class NodeSeats:
    """A node, and the seats that the sweep has there.

    Attributes:
        room: how many seats there can be.
        memory: bytes of a GPU that each seat has.
        since: when it was first seen, or last gave no seat.
    """

    id: str
    state: RayNode
    room: int
    memory: float
    seats: list[Seat] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)

    def empty(self) -> list[Seat]:
        """Return an empty seat for each GPU that has one, first what was empty for longest.

        On the CPU, where none has a GPU, that is one seat.
        """
        found: dict[tuple[str, ...] | None, Seat] = {}
        for seat in sorted(self.seats, key=lambda seat: seat.since):
            if seat.is_empty:
                found.setdefault(seat.uuids, seat)
        return list(found.values())


class Seats:
    """See ``kit.engines.slots.Slots``. Which seats are taken, the engine notes in the seats."""

    def __init__(
        self, command: Sequence[str], specs: Sequence[RunSpec], options: SweepOptions, limit: int
    ) -> None:
        """Look at the nodes that there are; those that join later are looked at then.

        Args:
            command: that starts a supervisor.
            specs: all runs of the sweep; nodes are asked about their tasks.
            options: device, runs per GPU and pinning, which hold for all runs.
            limit: how many seats there may be at a time.

        Raises:
            UnavailableError: there is a task whose runs no node can take.
        """
        self.command, self.specs, self.options, self.limit = command, specs, options, limit
        self.nodes: dict[str, NodeSeats] = {}
        self._aside = ThreadPoolExecutor(1, "look")
        self._coming: Future[dict[str, RayNode]] | None = None
        self._add(cluster.inspect(cluster.alive(), specs, options))
        self._looked = time.monotonic()
        states = [node.state for node in self.nodes.values() if node.room]
        for name in dict.fromkeys(spec.task for spec in specs) or ("anything",):
            if all(state.rejection(name) for state in states):
                reasons = (f"{state.host}: {state.rejection(name)}" for state in states)
                lacking = "; ".join(reasons) or "they have no GPU; --device cpu takes their cores"
                raise UnavailableError(f"no node of the Ray cluster can run {name}: {lacking}")

    def __str__(self) -> str:
        what = "cores" if self._on_cpu else "GPUs"
        return f"{self.capacity} {what} of {len(self._usable())} Ray nodes"

    @property
    def capacity(self) -> int:
        """How many seats there can be at a time."""
        return min(self.limit, sum(node.room for node in self._usable()))

    @property
    def reasons(self) -> Mapping[str, str]:
        """Why nodes get no runs, or none of some task."""
        return {
            node.state.host: node.state.trouble or "; ".join(node.state.rejections.values())
            for node in self.nodes.values()
            if node.room and (node.state.trouble or node.state.rejections)
        }

    def rejection(self, job: Job) -> str | None:
        """Return why no node will do: none has enough GPUs, or none with enough memory."""
        count, share = self._count(job.gpus), self.options.jobs_per_gpu
        large = [node for node in self._usable(job) if node.room // share >= count]
        if count > self.limit or not large:
            return f"needs {job.gpus} GPUs; here {self.capacity}"
        if not any(job.fits(node.memory) for node in large):
            return job.too_large(node.memory for node in large)
        return None

    def check_trials(self) -> None:
        """Refuse to let runs have all places of the cluster where their trials need some, too.

        Raises:
            KitError: saying how many runs there may be at a time.
        """
        states = [node.state for node in self._usable()]
        places = int(sum(state.cpus if self._on_cpu else state.gpus for state in states))
        if self.limit >= places:
            every = plural(places, "core" if self._on_cpu else "GPU")
            mend = f"--jobs {places - 1} or less" if places > 1 else "'--trials-on local:N'"
            raise KitError(
                f"--trials-on: the runs would take all {every} of the cluster and leave "
                f"none to their trials; use {mend}"
            )

    def acquire(self, job: Job) -> tuple[str, ...] | None:
        """Find empty seats on one node for a run; asks for more where there are none."""
        self.refresh()
        count = self._count(job.gpus)
        if count + sum(seat.busy for _, seat in self._seats()) > self.limit:
            return None
        nodes = [node for node in self._usable(job) if job.fits(node.memory)]
        found = max((node.empty() for node in nodes), key=len, default=[])[:count]
        if len(found) == count:
            return tuple(uuid for seat in found for uuid in seat.uuids or ())
        for node in nodes:
            while len(node.seats) < node.room and len(list(self._seats())) < self.limit:
                node.seats.append(self._ask(node.id))
        return None

    def reserve(self, uuids: tuple[str, ...]) -> None:
        """Nothing to be done: a run that was found running has the seat of another sweep."""

    def release(self, uuids: tuple[str, ...]) -> None:
        """Nothing to be done: a seat is empty again when its run has ended."""

    def chosen(self, uuids: tuple[str, ...], task: str) -> list[Seat]:
        """Return the empty seats that ``acquire`` found for a run of a task, if they still are."""
        for node in self._usable():
            empty = [] if node.state.rejection(task) else node.empty()
            found = [seat for seat in empty if set(seat.uuids or ()) <= set(uuids)]
            if len(found) == max(1, len(uuids)):
                return found
        return []

    def refresh(self) -> None:
        """See what has come and gone, seats at any time, nodes now and then."""
        now = time.monotonic()
        for node, seat in list(self._seats()):
            if seat.uuids is None and seat.ready.done():
                self._arrived(node, seat, now)
            elif seat.is_empty and now - seat.since > SECONDS_EMPTY:
                self.drop(seat)
        if now - self._looked < SECONDS_BETWEEN_LOOKS:
            return
        self._looked = now
        alive = cluster.alive()
        for node in list(self.nodes.values()):
            again = node.state.trouble and now - node.since > SECONDS_IN_TROUBLE
            if node.id not in alive or again:
                del self.nodes[node.id]
        new = {id: node for id, node in alive.items() if id not in self.nodes}
        if self._coming is None and new:
            self._coming = self._aside.submit(cluster.inspect, new, self.specs, self.options)
        elif self._coming is not None and self._coming.done():
            with suppress(OSError):  # of the shared folder; the next look may do better
                self._add(self._coming.result())
            self._coming = None

    def drop(self, seat: Seat) -> None:
        """Give a seat back, or what is left of it."""
        for node in self.nodes.values():
            if seat in node.seats:
                node.seats.remove(seat)
        ray.kill(seat.actor)

    def close(self) -> None:
        """Give all seats back."""
        self._aside.shutdown(cancel_futures=True)
        for _, seat in list(self._seats()):
            self.drop(seat)

    @property
    def _on_cpu(self) -> bool:
        return self.options.device == "cpu"

    def _add(self, states: Mapping[str, RayNode]) -> None:
        share = self.options.jobs_per_gpu
        for id, state in states.items():
            if self._on_cpu:
                self.nodes[id] = NodeSeats(id, state, int(state.cpus), math.inf)
            else:
                self.nodes[id] = NodeSeats(id, state, int(state.gpus * share), state.memory / share)

    def _ask(self, id: str) -> Seat:
        """Ask Ray for a seat on a node; it may have to wait for others who use the cluster."""
        name = f"{sweep()}-{uuid.uuid4().hex[:12]}"
        needs = {"num_cpus": 1} if self._on_cpu else {"num_gpus": 1 / self.options.jobs_per_gpu}
        remote = cluster.on(ray.remote(Actor), id, name=name, max_concurrency=2, **needs)
        actor = remote.remote(self.command, self.options, cluster.variables())
        return Seat(name, actor, actor.gpus.remote().future())

    def _arrived(self, node: NodeSeats, seat: Seat, now: float) -> None:
        """Take note of a seat that can be used now, or of a node where there are none to be had."""
        error = seat.ready.exception()
        if error is None:
            seat.uuids, seat.since = seat.ready.result(), now
            return
        trouble = f"gives no seat: {last_line(str(error))}"
        node.state, node.since = replace(node.state, trouble=trouble), now
        for each in [seat, *node.empty()]:
            self.drop(each)

    def _count(self, gpus: int) -> int:
        return 1 if self._on_cpu else gpus

    def _usable(self, job: Job | None = None) -> list[NodeSeats]:
        """Return the nodes that get runs, or that get runs of a job's task."""
        nodes = (node for node in self.nodes.values() if node.room)
        task = job.spec.task if job else ""
        return [node for node in nodes if not node.state.rejection(task)]

    def _seats(self) -> Iterator[tuple[NodeSeats, Seat]]:
        return ((node, seat) for node in self.nodes.values() for seat in node.seats)
