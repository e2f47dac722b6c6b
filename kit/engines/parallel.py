"""Runs of several processes: the first owns the run's folder, the others work on copies of it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from kit.runs.folder import RunFolder
from kit.training import distributed


@contextmanager
def joined(folder: RunFolder, device: torch.device) -> Iterator[RunFolder]:
    """Join the processes of a run and yield the folder that this one is to write to.

    All of them begin with the same files and take the same steps, so what the first one leaves is
    what counts; the others' copies end with the block.
    """
    number = distributed.initialise(device)
    if distributed.world() == 1:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="kit-run-") as root:
        copy = RunFolder(folder.spec, Path(root))
        if number > 0 and folder.path.exists():
            shutil.copytree(folder.path, copy.path)
        distributed.wait()
        yield copy if number > 0 else folder
