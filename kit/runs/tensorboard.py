"""TensorBoard: the numbers of a run's history as events in its folder, while it runs."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kit.errors import KitError
from kit.runs import history


@contextmanager
def events(folder: Path) -> Iterator[Callable[[], None]]:
    """Write events to ``tensorboard`` in a run's folder; yields a function that adds what is new.

    It is for whoever owns the folder, and writes nothing before its first call.

    Raises:
        KitError: tensorboardX is not installed.
    """
    try:
        writer_type = importlib.import_module("tensorboardX").SummaryWriter
    except ModuleNotFoundError:
        raise KitError("events need tensorboardX: pip install 'kit[tensorboard]'") from None
    target = folder / "tensorboard"
    writer: Any = None
    written: list[str] = []

    def update() -> None:
        nonlocal writer
        found = list(history.scalars(folder))
        words = [repr(each) for each in found]  # as words, so that NaN equals NaN
        if writer is None or words[: len(written)] != written:
            # TensorBoard cannot unlearn what a resumed run takes up again: all is written anew.
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
