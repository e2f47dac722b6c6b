"""Small data of tasks: synthetic ones, and samples as ``kit data fetch`` leaves them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from kit import task
from kit.data import preparing, taking
from kit.data.prepared import Prepared, open_prepared
from kit.task import Task


def prepared_sample(name: str) -> Prepared:
    """Return a task's prepared sample data at profile ``lite``.

    Skips where the folder ``KIT_SAMPLES``, the ``raw`` of somebody's data, does not have it.
    """
    found = task.find(name)
    (file,) = (source.file for source in found.sources if source.tier == "sample")
    path = Path(os.environ.get("KIT_SAMPLES", "none")) / name / file
    if not path.exists():
        pytest.skip(f"KIT_SAMPLES has no {name}/{file}")
    taking.import_files(found, [path])
    preparing.prepare(found, "sample", "lite")
    return open_prepared(found, "sample", "lite")


def prepared_synthetic(found: Task, factory: pytest.TempPathFactory) -> Prepared:
    """Return a task's prepared synthetic data at profile ``smoke``, in a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_DATA", str(factory.mktemp("data")))
        preparing.prepare(found, "synthetic", "smoke")
        return open_prepared(found, "synthetic", "smoke")


def made_up(found: Task) -> Task:
    """Return the task for files that a test writes: none has the published size or hashes."""
    plain = (replace(each, size=None, md5=None, sha256=None) for each in found.sources)
    return replace(found, sources=tuple(plain))
