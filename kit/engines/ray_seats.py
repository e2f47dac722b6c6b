"""Where runs can go on a Ray cluster: seats, each with a GPU (or a core) that Ray has given it.

A seat is an actor that lives for many runs, since a new worker takes Ray more than a second. It
holds its GPU against everybody else who uses the cluster, and is given back when it stays empty.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import msgspec
import ray

from kit.engines import devices, ray_nodes
from kit.engines.engine import Options, sweep
from kit.engines.ray_nodes import Look
from kit.errors import UnavailableError
from kit.spec import RunSpec

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_EMPTY = 10.0


class Actor:
    """A seat on its node: a supervisor beside it makes the runs, and ends them when it is gone."""

    def __init__(
        self, command: Sequence[str], options: Options, variables: Mapping[str, str | None]
    ) -> None:
        ray_nodes.take_over(variables)
        # By number, as Ray counts them on this node; it has set this for the actor.
        self.uuids = tuple(devices.allowed(os.environ.get("CUDA_VISIBLE_DEVICES") or "-1") or ())
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


@dataclass(eq=False)
class Seat:
    """A seat as the sweep sees it.

    Attributes:
        name: of the actor.
        ready: what it has, once Ray has found it a place.
        busy: it has a run.
        since: when it got empty.
    """

    name: str
    actor: Any
    ready: Future[tuple[str, ...]]
    busy: bool = False
    since: float = field(default_factory=time.monotonic)

    @property
    def uuids(self) -> tuple[str, ...] | None:
        """The GPUs; None where it is not ready, or never will be."""
        good = self.ready.done() and self.ready.exception() is None
        return self.ready.result() if good else None


@dataclass(eq=False)
class Node:
    """A node with room for so many seats, and those that it has."""

    id: str
    look: Look
    room: int
    seats: list[Seat] = field(default_factory=list)

    def empty(self) -> list[Seat]:
        """Return the seats that can take a run, first the one that has been empty for longest."""
        free = [seat for seat in self.seats if seat.uuids is not None and not seat.busy]
        return sorted(free, key=lambda seat: seat.since)


class Seats:
    """See ``kit.engines.places.Places``. Which seats are taken, the engine notes in the seats."""

    def __init__(
        self, command: Sequence[str], specs: Sequence[RunSpec], options: Options, limit: int
    ) -> None:
        """Look at the nodes that there are; those that join later are looked at then.

        Raises:
            UnavailableError: there is a task whose runs no node can take.
        """
        self.command, self.specs, self.options, self.limit = command, specs, options, limit
        self.nodes: dict[str, Node] = {}
        self._aside = ThreadPoolExecutor(1, "look")
        self._coming: Future[dict[str, Look]] | None = None
        self._add(ray_nodes.inspect(ray_nodes.alive(), specs, options))
        self._looked = time.monotonic()
        for name in dict.fromkeys(spec.task for spec in specs):
            looks = [node.look for node in self.nodes.values() if node.room]
            if all(look.objection(name) for look in looks):
                reasons = [f"{look.host} {look.objection(name)}" for look in looks]
                lacking = "; ".join(reasons) or "none has a GPU; --device cpu takes their cores"
                raise UnavailableError(f"no node of the Ray cluster can run {name}: {lacking}")

    def __str__(self) -> str:
        what = "cores" if self.options.device == "cpu" else "GPUs"
        return f"{self.capacity} {what} of {len(self._usable())} Ray nodes"

    @property
    def capacity(self) -> int:
        """How many seats there can be at a time."""
        return min(self.limit, sum(node.room for node in self._usable()))

    @property
    def reasons(self) -> Mapping[str, str]:
        """Why nodes get no runs, or none of some task."""
        return {
            f"node {node.look.host}": node.look.trouble or "; ".join(node.look.objections.values())
            for node in self.nodes.values()
            if node.room and (node.look.trouble or node.look.objections)
        }

    def fits(self, gpus: int) -> bool:
        """Tell whether a node has so many GPUs."""
        most = max((node.room for node in self._usable()), default=0)
        return self._count(gpus) <= most // self.options.jobs_per_gpu

    def take(self, gpus: int, task: str = "") -> tuple[str, ...] | None:
        """Find empty seats on one node for a run of a task; asks for more where there are none."""
        self.refresh()
        count = self._count(gpus)
        if count + sum(seat.busy for seat in self._seats()) > self.limit:
            return None
        nodes = [node for node in self._usable() if not node.look.objection(task)]
        seats = max((node.empty() for node in nodes), key=len, default=[])[:count]
        if len(seats) == count:
            return tuple(uuid for seat in seats for uuid in seat.uuids or ())
        for node in nodes:
            while len(node.seats) < node.room and len(self._seats()) < self.limit:
                node.seats.append(self._ask(node.id))
        return None

    def hold(self, uuids: tuple[str, ...]) -> None:
        """Nothing to be done: a run that was found running has the seat of another sweep."""

    def give(self, uuids: tuple[str, ...]) -> None:
        """Nothing to be done: a seat is empty again when its run has ended."""

    def chosen(self, uuids: tuple[str, ...], name: str) -> list[Seat]:
        """Return the empty seats that ``take`` found; none if they are gone."""
        for node in self._usable():
            empty = [] if node.look.objection(name) else node.empty()
            seats = [next((s for s in empty if s.uuids == (one,)), None) for one in uuids]
            found = [seat for seat in seats or empty[:1] if seat is not None]
            if len(found) == max(1, len(uuids)):
                return found
        return []

    def refresh(self) -> None:
        """See which nodes have come or gone; give back what has long been empty."""
        if time.monotonic() - self._looked < SECONDS_BETWEEN_LOOKS:
            return
        self._looked = time.monotonic()
        alive = ray_nodes.alive()
        self.nodes = {id: node for id, node in self.nodes.items() if id in alive}
        if self._coming is None:
            new = {id: node for id, node in alive.items() if id not in self.nodes}
            if new:
                self._coming = self._aside.submit(ray_nodes.inspect, new, self.specs, self.options)
        elif self._coming.done():
            self._add(self._coming.result())
            self._coming = None
        for seat in self._seats():
            lost = seat.ready.done() and seat.uuids is None
            long_empty = seat.uuids is not None and not seat.busy
            if lost or (long_empty and self._looked - seat.since > SECONDS_EMPTY):
                self.drop(seat)

    def drop(self, seat: Seat) -> None:
        """Give a seat back, or what is left of it."""
        for node in self.nodes.values():
            if seat in node.seats:
                node.seats.remove(seat)
        ray.kill(seat.actor)

    def close(self) -> None:
        """Give all seats back."""
        self._aside.shutdown(cancel_futures=True)
        for seat in self._seats():
            self.drop(seat)

    def _add(self, looks: Mapping[str, Look]) -> None:
        share, alive = self.options.jobs_per_gpu, ray_nodes.alive()
        for id, look in looks.items():
            has = alive.get(id, {}).get("Resources", {})
            room = has.get("CPU", 0) if self.options.device == "cpu" else has.get("GPU", 0) * share
            self.nodes[id] = Node(id, look, int(room))

    def _ask(self, id: str) -> Seat:
        """Ask Ray for a seat on a node; it may have to wait for others who use the cluster."""
        name = f"{sweep()}-{uuid.uuid4().hex[:12]}"
        cpu = self.options.device == "cpu"
        needs = {"num_cpus": 1} if cpu else {"num_gpus": 1 / self.options.jobs_per_gpu}
        remote = ray_nodes.on(ray.remote(Actor), id, name=name, max_concurrency=2, **needs)
        actor = remote.remote(self.command, self.options, ray_nodes.variables())
        return Seat(name, actor, actor.gpus.remote().future())

    def _count(self, gpus: int) -> int:
        return 1 if self.options.device == "cpu" else gpus

    def _usable(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.room and not node.look.trouble]

    def _seats(self) -> list[Seat]:
        return [seat for node in self.nodes.values() for seat in node.seats]
