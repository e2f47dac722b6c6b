"""The Dockerfile as a text: its shell, its stages, its names; nothing is pulled or built."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit import paths


def complaints(file: Path) -> str:
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent)
    if hadolint is None:
        pytest.skip("hadolint is for Linux alone")
    return subprocess.run([hadolint, file], capture_output=True, text=True, check=False).stdout


def test_nothing_to_complain_about(tmp_path: Path) -> None:
    file = paths.project() / "docker/Dockerfile"
    assert complaints(file) == ""
    broken = tmp_path / "Dockerfile"
    broken.write_text(file.read_text().replace("FROM base AS task", "FROM base AS base"))
    assert "DL3024" in complaints(broken)
    broken.write_text(file.read_text().replace("COPY kit kit", "COPPY kit kit"))
    assert "unexpected 'C'" in complaints(broken)
