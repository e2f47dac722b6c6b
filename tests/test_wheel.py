"""The wheel, installed where no checkout is: what a stranger gets by pip."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kit import __version__, paths

Run = Callable[..., "subprocess.CompletedProcess[str]"]

SEARCH = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from kit import dash_search

x = torch.randn(16, 3, 12, 12)
loader = DataLoader(TensorDataset(x, x.mean((2, 3)).argmax(1)), batch_size=8)
model = nn.Sequential(
    nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
)
architecture = dash_search(model, loader, loss=nn.functional.cross_entropy, epochs=1)
print(architecture.apply(model)(x).shape)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory"]
    subprocess.run([*build, str(folder)], cwd=paths.project(), check=True, capture_output=True)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in an environment of its own, which borrows the packages of this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = str(folder / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    pip += ["--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*pip, str(wheel)], check=True, env=_without_paths())
    site = next(folder.glob("lib/python*/site-packages"))
    # Packages of a folder that a .pth file names are found; editable installs in it are not.
    (site / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"])
    return folder


@pytest.fixture
def stranger(environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a program of that environment in an empty folder, with the kit's defaults."""
    for name in ("KIT_DATA", "KIT_RESULTS"):
        monkeypatch.delenv(name)
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "tasks.py").write_text("raise SystemExit('somebody else has tasks, too')\n")

    def run(program: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(environment / "bin" / program), *words]
        return subprocess.run(
            command, cwd=folder, env=_without_paths(), capture_output=True, text=True, check=False
        )

    return run


def test_tasks_travel_with_the_wheel_and_runs_leave_results_in_the_current_folder(
    stranger: Run, tmp_path: Path
) -> None:
    listed = stranger("kit", "list", "tasks")
    assert listed.returncode == 0, listed.stderr
    assert "darcy-flow" in listed.stdout

    words = ("--profile", "smoke")
    prepared = stranger("kit", "data", "prepare", "deepsea", "--tier", "synthetic", *words)
    assert prepared.returncode == 0, prepared.stderr
    run = stranger("kit", "run", "deepsea", "dash", "--tier", "synthetic", "--seed", "0", *words)
    assert run.returncode == 0, run.stderr
    (result,) = (tmp_path / "work/results/runs").glob("deepsea/dash/*/*/result.json")
    assert '"git_sha": null' in result.read_text()


def test_the_search_works_in_a_program_of_ones_own(stranger: Run) -> None:
    done = stranger("python", "-c", SEARCH)
    assert done.stdout == "torch.Size([16, 3])\n", done.stderr


def test_the_doctor_says_where_things_lie(stranger: Run, tmp_path: Path) -> None:
    told = stranger("kit", "doctor").stdout
    assert f"kit {__version__} from a wheel" in told
    assert f"; in {tmp_path / 'work/data'}" in told
    assert f"for results in {tmp_path / 'work/results'}" in told


@pytest.mark.parametrize("words", [("images", "build"), ("images", "compose")])
def test_what_needs_a_checkout_says_so_in_one_line(stranger: Run, words: tuple[str, ...]) -> None:
    done = stranger("kit", *words)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "checkout" in done.stderr


def test_a_missing_extra_is_installed_by_the_distributions_own_name(stranger: Run) -> None:
    done = stranger("python", "-c", "from kit import extras; print(extras.install('ray'))")
    assert done.stdout == "pip install 'dash-nas-kit[ray]'\n", done.stderr


def test_a_task_of_ones_own_lies_in_the_current_folder(stranger: Run, tmp_path: Path) -> None:
    code = "import numpy as n; n.savez('a.npz', x=n.eye(40, 8, dtype='f4'), y=n.arange(40) % 2)"
    assert stranger("python", "-c", code).returncode == 0
    made = stranger("kit", "new", "task", "mine", "--from", "a.npz")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "work/tasks/mine/task.py").is_file()
    assert "mine" in stranger("kit", "list", "tasks").stdout


def test_the_wheel_holds_the_licence_and_says_that_it_is_typed(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "kit/py.typed" in names
    facts = f"dash_nas_kit-{__version__}.dist-info"
    assert f"{facts}/licenses/LICENSE" in names
    assert {name.split("/")[0] for name in names} == {"kit", facts}


def _without_paths() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
