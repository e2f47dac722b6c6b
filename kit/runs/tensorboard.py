"""TensorBoard: the numbers of a run's history as events in its folder.

A run writes them while it is at work. An image has no such writer, and a run that is killed leaves
some out: the sweep writes them all when a run is over.
"""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kit import extras
from kit.errors import KitError
from kit.files import is_locked
from kit.runs import history
from kit.runs.names import HISTORY, LOCK, files


def wanted() -> bool:
    """Tell whether events were asked for, here or by whoever started this process."""
    return os.environ.get("KIT_TENSORBOARD") == "1"


def require() -> Any:
    """Return the library.

    Raises:
        KitError: it is not installed.
    """
    try:
        return importlib.import_module("tensorboardX")
    except ModuleNotFoundError:
        raise KitError(
            f"events need tensorboardX: {extras.install('tensorboard')}; those of containers are "
            "written outside by 'kit results export --tensorboard'"
        ) from None


def write(folder: Path) -> None:
    """Write all events of a run that is over."""
    with events(folder) as update:
        update()


def write_all(runs: Path, progress: Callable[[int, int], None] = lambda *_: None) -> int:
    """Write those of every run below a folder that is over; returns of how many."""
    found = files(runs, HISTORY)
    over = [file.parent for file in found if not is_locked(file.with_name(LOCK))]
    for number, folder in enumerate(over):
        progress(number, len(over))
        write(folder)
    return len(over)


@contextmanager
def events(folder: Path) -> Iterator[Callable[[], None]]:
    """Write events to ``tensorboard`` in a run's folder; yields a function that adds what is new.

    It is for whoever owns the folder, and writes nothing before its first call.

    Raises:
        KitError: tensorboardX is not installed.
    """
    writer_type = require().SummaryWriter
    target = folder / "tensorboard"
    writer: Any = None
    written: list[str] = []

    def update() -> None:
        nonlocal writer
        found = list(history.scalars(folder))
        words = [repr(each) for each in found]  # as words, so that NaN equals NaN
        if writer is None or words[: len(written)] != written:
            # A resumed run repeats epochs, whose events cannot be taken back: all are written anew.
            if writer is not None:
                writer.close()
            shutil.rmtree(target, ignore_errors=True)
            writer = writer_type(str(target))
            written.clear()
        for each in found[len(written) :]:
            writer.add_scalar(f"{each.stage}/{each.name}", each.value, each.epoch)
        written[:] = words

    try:
        yield update
    finally:
        if writer is not None:
            update()
            writer.close()
