"""Calls of a function in several processes, which can import modules of task folders."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from typing import Any

from kit import discovery
from kit.errors import KitError


def parallel(
    function: Callable[..., Any], items: Sequence[tuple[Any, ...]], workers: int
) -> Iterator[None]:
    """Call a module-level function of a task folder once per item; yield after each call.

    Args:
        function: called in worker processes; its results are dropped.
        items: the arguments of each call.
        workers: largest number of processes.

    Raises:
        Exception: the first exception of the function; calls that have not begun are cancelled.
        KitError: a worker process was killed.
    """
    package, folder, module = function.__module__.split(".")
    file = sys.modules[function.__module__].__file__
    assert file is not None
    home = Path(file).parent
    count = min(workers, max(1, len(items)))
    others = set(active_children())
    pool = ProcessPoolExecutor(
        count,
        # Not "fork": a fork of a process with threads may hang.
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(package, home.with_name(folder), module),
    )
    # Not a with statement, which would wait for all submitted calls at its end.
    try:
        futures = [pool.submit(function, *item) for item in items]
        for future in as_completed(futures):
            future.result()
            yield
    except BaseException as error:
        pool.shutdown(wait=False, cancel_futures=True)
        if isinstance(error, KeyboardInterrupt):
            # Ctrl-C reaches the workers too. TERM reaches only this process, which would wait
            # for them.
            for process in set(active_children()) - others:
                process.terminate()
        if not isinstance(error, BrokenProcessPool):
            raise
        raise KitError(
            f"one of {count} processes at work was killed, most often for want of memory; "
            "what is done is kept (kit data prepare TASK --workers 1: one at a time)"
        ) from None
    else:
        pool.shutdown()


def _begin(package: str, folder: Path, module: str) -> None:
    """Set up a worker process and import the task's module."""
    # On Ctrl-C workers end at once, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    discovery.load(package, folder, module)


def _end_with_parent() -> None:
    """End this process when its parent ends; else workers of a killed parent wait for ever."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
