"""A supervisor in a thread, with pipes to it and from it."""

from __future__ import annotations

import os
from threading import Thread
from typing import IO

import msgspec

from kit.engines.engine import Engine, Exit
from kit.engines.ray import supervisor
from kit.engines.ray.supervisor import Order


class Served:
    """It makes runs by an engine, as on the node of a seat."""

    def __init__(self, engine: Engine) -> None:
        (orders, self.orders), (self.answers, answers) = _pipe(), _pipe()
        self.thread = Thread(target=supervisor.serve, args=(engine, orders, answers))
        self.thread.start()

    def order(self, order: Order) -> None:
        self.orders.write(msgspec.json.encode(order) + b"\n")
        self.orders.flush()

    def answer(self) -> Exit:
        return msgspec.json.decode(self.answers.readline(), type=Exit)

    def finish(self) -> None:
        self.orders.close()
        self.thread.join()


def _pipe() -> tuple[IO[bytes], IO[bytes]]:
    reader, writer = os.pipe()
    return os.fdopen(reader, "rb"), os.fdopen(writer, "wb")
