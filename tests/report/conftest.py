"""The sizes of all models, counted once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kit import paths
from kit.report.tables import sizes


@pytest.fixture(scope="session")
def kept_counts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of sizes as the kit keeps it."""
    folder = tmp_path_factory.mktemp("counts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_RESULTS", str(folder))
        sizes.count_all()
    return folder / ".counts.json"


@pytest.fixture
def counted(kept_counts: Path, home: Path) -> None:
    """Results in which the sizes are known."""
    del home  # which says where results are
    paths.results().mkdir(parents=True)
    shutil.copy(kept_counts, paths.results())
