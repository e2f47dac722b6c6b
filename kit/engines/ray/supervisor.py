"""A supervisor of runs for a queue on another machine, a process beside each seat.

It reads orders from standard input, a line of JSON each, and answers every run's end with a line.
When its input closes, whoever gave the orders is gone: the run is stopped, and so is this process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO

import msgspec

from kit.engines import choose
from kit.engines.engine import Engine, EngineError, Exit, Handle, SweepOptions
from kit.errors import KitError
from kit.spec import RunSpec

SECONDS_BETWEEN_POLLS = 0.02
# For a last checkpoint, when whoever gave the orders is gone.
GRACE_SECONDS = 10.0


class Start(msgspec.Struct, frozen=True, tag=True):
    """Make a run on these GPUs."""

    spec: RunSpec
    gpus: tuple[str, ...]


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Stop the run of this id, if it is under way: TERM, and KILL after ``grace`` seconds."""

    run: str
    grace: float


Order = Start | Stop
Inbox = SimpleQueue[Order | None]


def serve(engine: Engine, orders: IO[bytes], answers: IO[bytes]) -> None:
    """Make the runs that are ordered, one after another, until the orders end."""
    inbox: Inbox = SimpleQueue()
    Thread(target=_read, args=(orders, inbox), daemon=True).start()
    while (order := inbox.get()) is not None:
        if isinstance(order, Stop):  # it came too late
            continue
        end = _run(engine, order, inbox)
        if end is None:
            break
        with suppress(BrokenPipeError):
            answers.write(msgspec.json.encode(end) + b"\n")
            answers.flush()
    engine.close()


def main(connect: Callable[[SweepOptions], Engine] | None = None) -> None:
    """Serve, with containers where this machine has a Docker engine, else with processes."""
    # Not a child of the Ray worker any more, which kills its children when it ends: they would
    # have no time for a checkpoint.
    if os.fork():
        os._exit(0)
    options = msgspec.json.decode(sys.argv[1], type=SweepOptions)
    serve((connect or choose.of_machine)(options), sys.stdin.buffer, sys.stdout.buffer)


def _read(orders: IO[bytes], inbox: Inbox) -> None:
    for line in orders:
        inbox.put(msgspec.json.decode(line, type=Order))
    inbox.put(None)


def _run(engine: Engine, order: Start, inbox: Inbox) -> Exit | None:
    """Make a run and return how it ended; None where nobody wants to know any more."""
    try:
        # A container may have been left by a supervisor that was killed.
        handle = engine.find(order.spec, None) or engine.start(order.spec, order.gpus)
        stops: list[Thread] = []
        while any(stop.is_alive() for stop in stops) or (end := engine.poll(handle)) is None:
            with suppress(Empty):
                message = inbox.get(timeout=SECONDS_BETWEEN_POLLS)
                if message is None:
                    engine.stop(handle, GRACE_SECONDS)
                    return None
                if isinstance(message, Stop) and message.run == order.spec.id:
                    stops.append(_stop(engine, handle, message.grace))
    except (EngineError, KitError, OSError) as error:
        return Exit(None, infrastructure=str(error))
    return end


def _stop(engine: Engine, handle: Handle, grace: float) -> Thread:
    """Begin to stop a run; another order can cut the grace short meanwhile."""
    stop = Thread(target=engine.stop, args=(handle, grace), daemon=True)
    stop.start()
    return stop


if __name__ == "__main__":
    main()
