"""A stranger's walk: CONTRIBUTING's 'Add a method', followed to a method that runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kit import paths
from tests.conftest import Run

FILE = re.compile(r"^`two_layers/(\S+)`.*?^```\w+\n(.*?)^```$", re.M | re.S)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (paths.project() / "CONTRIBUTING.md").read_text(encoding="utf-8")
    folder = tmp_path / "my-methods" / "two_layers"
    folder.mkdir(parents=True)
    files = FILE.findall(text)
    assert [name for name, _ in files] == ["info.py", "settings.toml", "method.py"]
    for name, content in files:
        (folder / name).write_text(content, encoding="utf-8")
    monkeypatch.setenv("KIT_METHODS", str(folder.parent))


@pytest.mark.usefixtures("written", "darcy")
def test_the_method_of_the_guide_runs_on_fields(kit: Run, home: Path) -> None:
    assert "two-layers" in kit("list", "methods").stdout
    run = kit("run", "darcy-flow", "two-layers", "--profile", "smoke", "--seed", "0")
    assert run.returncode == 0, run.stderr
    (file,) = (home / "results/runs/darcy-flow/two-layers").glob("*/*/result.json")
    # 3 channels, width 4, kernels of 5 x 5.
    assert json.loads(file.read_text())["parameters"] == 3 * 4 * 25 + 4 + 4 * 25 + 1


@pytest.mark.usefixtures("written")
def test_the_method_of_the_guide_runs_on_sequences(kit: Run) -> None:
    words = ("--profile", "smoke", "--tier", "synthetic")
    assert kit("data", "prepare", "deepsea", *words).returncode == 0
    run = kit("run", "deepsea", "two-layers", "--seed", "0", *words)
    assert run.returncode == 0, run.stderr
