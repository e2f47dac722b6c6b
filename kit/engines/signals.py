"""Ctrl-C, and TERM as Slurm, Ray and Docker send it: both end things the same way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn


@dataclass
class InterruptCount:
    """How often the user has asked to stop."""

    value: int = 0


@contextmanager
def terminable() -> Iterator[InterruptCount]:
    """Turn TERM into the exception of Ctrl-C, and count both.

    The count is for whoever must not go on: the exception is lost where it meets a bare ``except``,
    such as the one of Python's own ``copyreg`` below ``torch.save``.
    """
    count = InterruptCount()

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        count.value += 1
        raise KeyboardInterrupt

    with _handled(interrupt, signal.SIGTERM, signal.SIGINT):
        yield count


@contextmanager
def counted() -> Iterator[InterruptCount]:
    """Count Ctrl-C and TERM instead of raising, for code that must stop between two steps."""
    count = InterruptCount()

    def add(number: int, frame: FrameType | None) -> None:
        count.value += 1

    with _handled(add, signal.SIGTERM, signal.SIGINT):
        yield count


@contextmanager
def kept() -> Iterator[None]:
    """Have TERM and Ctrl-C do after the block what they did before, whatever a library sets in it.

    Ray's own handlers end a process at once, and its run without a word.
    """
    here = threading.current_thread() is threading.main_thread()
    before = [(number, signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        yield
    finally:
        for number, handler in before if here else ():
            signal.signal(number, handler)


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None], *numbers: int) -> Iterator[None]:
    """Handle signals for as long as the block runs; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, handle in previous.items():
            signal.signal(number, handle)
