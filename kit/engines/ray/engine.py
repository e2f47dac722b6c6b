"""The Ray engine: orders to the supervisors of the seats, and their answers."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import msgspec
import ray
from ray.exceptions import RayError

from kit import method
from kit.engines import choose
from kit.engines.engine import EngineError, Exit, Handle, SweepOptions
from kit.engines.ray.cluster import NAMESPACE
from kit.engines.ray.seats import Seat, Seats
from kit.engines.ray.supervisor import Start, Stop
from kit.files import decode_json
from kit.runs.folder import RunFolder
from kit.spec import RunSpec

SECONDS_BETWEEN_LOOKS = 0.05
# From the end of a run to the word of it.
SECONDS_TO_END = 10.0
LOST = "its node, or the Ray worker there, is gone"


class Ray:
    """See ``kit.engines.engine.Engine``. A reference is the name of a seat."""

    name = "ray"
    supervisor = ("-m", "kit.engines.ray.supervisor")

    def __init__(self, options: SweepOptions) -> None:
        self.options = options
        self._seats: Seats | None = None
        self._runs: dict[str, tuple[Future[bytes], list[Seat]]] = {}

    def slots(self, specs: Sequence[RunSpec], limit: int | None) -> Seats:
        """Return where these runs can go; ``start`` puts them there.

        Raises:
            UnavailableError: there is a task whose runs no node can take.
            KitError: they would leave no place to their own trials, and wait for ever.
        """
        needed = sum(method.find(spec.method).gpus for spec in specs)
        most = min(limit or sys.maxsize, needed or sys.maxsize)
        self._seats = Seats(self.supervisor, specs, self.options, most)
        if choose.trials_elsewhere(self.options.trials_on):
            self._seats.check_trials()
        return self._seats

    def start(self, spec: RunSpec, gpus: tuple[str, ...]) -> Handle:
        """Have a run made on the seats with these GPUs."""
        seats = self._seats.chosen(gpus, spec.task) if self._seats else []
        if not seats:
            raise EngineError(LOST)
        order = msgspec.json.encode(Start(spec, gpus))
        self._runs[seats[0].name] = (seats[0].actor.run.remote(order).future(), seats)
        for seat in seats:
            seat.busy = True
        return Handle(spec, seats[0].name)

    def find(self, spec: RunSpec, reference: str | None) -> Handle | None:
        """Return a run whose seat is still there: somebody stops it from outside."""
        return Handle(spec, reference) if reference and _actor(reference) else None

    def poll(self, handle: Handle) -> Exit | None:
        """Return how a run ended, as its supervisor has told."""
        if self._seats is None or handle.reference not in self._runs:  # not of this sweep
            return None if _actor(handle.reference) else Exit(None, infrastructure=LOST)
        self._seats.refresh()
        told, seats = self._runs[handle.reference]
        if not told.done():
            return None
        del self._runs[handle.reference]
        for seat in seats:
            seat.busy, seat.since = False, time.monotonic()
        with suppress(RayError):
            if answer := told.result():
                return decode_json(answer, Exit)
        for seat in seats:
            self._seats.drop(seat)
        return Exit(None, infrastructure=LOST)

    def stop(self, handle: Handle, grace: float) -> None:
        """Have a run stopped by its supervisor; without a word from there, end that as well."""
        actor = _actor(handle.reference)
        if actor is None:
            return
        actor.order.remote(msgspec.json.encode(Stop(handle.spec.id, grace)))
        deadline = time.monotonic() + grace + SECONDS_TO_END
        while self._under_way(handle):
            if time.monotonic() > deadline:
                ray.kill(actor)
                return
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def close(self) -> None:
        """Give the seats back and leave the cluster."""
        if self._seats is not None:
            self._seats.close()
        ray.shutdown()

    def _under_way(self, handle: Handle) -> bool:
        mine = self._runs.get(handle.reference)
        return not mine[0].done() if mine else RunFolder(handle.spec).is_running()


def _actor(name: str) -> Any:
    """Return the actor of a seat, or None where it is gone."""
    with suppress(ValueError):
        return ray.get_actor(name, NAMESPACE)
    return None
