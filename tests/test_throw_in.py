"""A task and methods that nothing else knows: their folders, and everything works with them."""

from __future__ import annotations

import json
import shlex
import textwrap
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import numpy as np
import pytest

from tests.conftest import Run

pytestmark = pytest.mark.long

TASK = """
    from kit.task import Task

    TASK = Task(
        name="three-waves", title="Three waves", dims=1, sample_shape=(2, 24), outputs=3,
        kind="point", loss="cross-entropy", metrics=("zero-one-error",), unit="sample", version=1,
        licence="none", citation="made up", tiers=("synthetic",),
        reduced={"smoke": {"samples": {"train": 32, "val": 8, "test": 16}}},
    )
"""
PREPARE = """
    import numpy as np

    from kit.seeding import generator
    from kit.task import Contents, Preparation

    from .waves import wave

    def prepare(job: Preparation) -> Contents:
        counts = {name: job.samples.get(name, 64) for name in ("train", "val", "test")}
        total = sum(counts.values())
        y = np.arange(total) % 3
        x = np.stack([wave(label, generator(0, "wave", i)) for i, label in enumerate(y)])
        folds, start = {}, 0
        for name, count in counts.items():
            folds[name] = np.arange(start, start + count)
            start += count
        job.progress(total, total)
        arrays = {"x": x.astype(np.float32), "y": y, "unit_id": np.arange(total)}
        return Contents(arrays=arrays, folds=folds, origin={"generator": "waves"})
"""
WAVES = """
    import numpy as np

    def wave(label, random):
        phase = random.random() * 6.28
        time = np.arange(24)[None] * (0.3 + 0.5 * label) + phase
        return np.sin(time) + 0.05 * random.standard_normal((2, 24))
"""
METHODS = Path(__file__).parent / "thrown_in"


@pytest.fixture
def thrown_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks, methods = tmp_path / "my tasks", tmp_path / "my methods"
    _write(tasks / "three_waves", {"task": TASK, "prepare": PREPARE, "waves": WAVES})
    copytree(METHODS, methods, ignore=ignore_patterns("__pycache__"))
    monkeypatch.setenv("KIT_TASKS", str(tasks))
    monkeypatch.setenv("KIT_METHODS", str(methods))


@pytest.mark.usefixtures("thrown_in")
def test_unknown_method_on_unknown_task(kit: Run) -> None:
    made = kit("data", "prepare", "three-waves", "--profile", "smoke")
    assert made.returncode == 0, made.stderr
    done = kit("run", "three-waves", "majority", "--profile", "smoke", "--seed", "0")
    assert done.returncode == 0, done.stderr
    # 16 test samples from number 40 on: classes 1 2 0 1 ..., the majority class is 0.
    assert "zero-one-error 68.75" in done.stdout
    assert "clean" in done.stdout


@pytest.mark.usefixtures("thrown_in")
def test_known_method_on_unknown_task(kit: Run, home: Path) -> None:
    assert kit("data", "prepare", "three-waves", "--profile", "smoke").returncode == 0
    words = ("-o", "retrain.epochs=12", "-o", "tune.learning_rates=[0.01]")
    done = kit("run", "three-waves", "dash", "--profile", "smoke", "--seed", "0", *words)
    assert done.returncode == 0, done.stderr
    (file,) = (home / "results").glob("runs/three-waves/dash/smoke-clean/*/result.json")
    result = json.loads(file.read_text())
    assert result["metrics"]["zero-one-error"]["value"] < 50
    assert len(result["architecture"]["value"]) == 9


@pytest.mark.usefixtures("thrown_in")
def test_a_method_may_refuse_a_task_with_a_reason(
    kit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KIT_TASKS")
    done = kit("run", "darcy-flow", "majority", "--profile", "smoke")
    assert done.returncode == 2
    assert "does not apply to 'darcy-flow': it votes on classes" in done.stderr


@pytest.fixture
def prepared(thrown_in: None, kit: Run) -> None:
    done = kit("data", "prepare", "three-waves", "--profile", "smoke")
    assert done.returncode == 0, done.stderr


SMOKE = ("--profile", "smoke")


def result_of(home: Path, method: str, seed: int) -> dict[str, Any]:
    (file,) = (home / "results").glob(f"runs/three-waves/{method}/*/seed-{seed}-*/result.json")
    result: dict[str, Any] = json.loads(file.read_text())
    return result


@pytest.mark.usefixtures("prepared")
def test_a_search_of_another_kind_with_trials_and_an_input(
    kit: Run, home: Path, tmp_path: Path
) -> None:
    search = ("run", "three-waves", "window-search", "--seed", "0", *SMOKE)
    early = kit(*search)
    assert (early.returncode, early.stderr.count("\n")) == (2, 1)
    assert "reads three-waves majority seed 0 (smoke, clean) (label), and it is not" in early.stderr
    # The line has the command that makes it.
    words = shlex.split(early.stderr.split("'")[1])
    assert kit(*words[1:]).returncode == 0
    done = kit(*search, "--trials-on", "local:2")
    assert done.returncode == 0, done.stderr
    found = result_of(home, "window-search", 0)
    assert found["architecture"]["kind"] == "windows"
    windows = found["architecture"]["value"]
    assert windows in ([2], [4, 4], [2, 3, 4])
    assert found["spec"]["inputs"]["label"].startswith(
        next((home / "results").glob("runs/*/majority/*/*")).name.rpartition("-")[2]
    )

    drawing = tmp_path / "found.svg"
    shown = kit("figure", "architecture", "three-waves/window-search/0", "--output", str(drawing))
    assert shown.returncode == 0, shown.stderr
    assert "|".join(map(str, windows)) in shown.stdout
    assert "<svg" in drawing.read_text()

    np.savez(tmp_path / "new.npz", x=np.zeros((3, 2, 24), np.float32))
    answers = tmp_path / "new.csv"
    given = (str(tmp_path / "new.npz"), "--output", str(answers))
    predicted = kit("predict", "three-waves/window-search", *given)
    assert predicted.returncode == 0, predicted.stderr
    assert len(answers.read_text().splitlines()) == 4


@pytest.mark.usefixtures("prepared")
def test_released_architectures_and_a_variant_of_settings_alone(kit: Run, home: Path) -> None:
    seeds = ("--seed", "0", "--seed", "1")
    assert kit("run", "three-waves", "majority", *seeds, *SMOKE).returncode == 0
    rows = json.loads(kit("list", "architectures", "--format", "json").stdout)
    listed = [(row["method"], row["task"], row["seed"]) for row in rows]
    assert [each for each in listed if each[0] == "window-search"] == [
        ("window-search", "three-waves", 0),
        ("window-search", "three-waves", 1),
    ]
    released = ("run", "three-waves", "window-search", *SMOKE, "--architecture", "released")
    done = kit(*released, *seeds)
    assert done.returncode == 0, done.stderr
    assert result_of(home, "window-search", 0)["architecture"]["value"] == [5, 6]
    assert result_of(home, "window-search", 1)["architecture"]["value"] == [7, 2]
    missing = kit(*released, "--seed", "2")
    assert missing.returncode == 2
    assert "no released architecture for three-waves, seed 2; there are seeds 0, 1" in (
        missing.stderr
    )

    wide = kit("run", "three-waves", "wide-search", "--seed", "0", *SMOKE)
    assert wide.returncode == 0, wide.stderr
    assert result_of(home, "wide-search", 0)["architecture"]["value"] in ([8], [12])
    # A result is an architecture file for whoever knows its kind, and for nobody else.
    (file,) = (home / "results").glob("runs/*/wide-search/*/*/result.json")
    again = ("run", "three-waves", "window-search", "--seed", "0", *SMOKE)
    assert kit(*again, "--architecture", str(file)).returncode == 0
    other = kit("run", "three-waves", "dash", *SMOKE, "--architecture", str(file))
    assert (other.returncode, other.stderr.count("\n")) == (2, 1)
    assert f"{file}: it holds an architecture of kind 'windows', version 1" in other.stderr
    assert not list((home / "results").glob("runs/*/dash"))


@pytest.mark.usefixtures("thrown_in")
def test_a_table_brings_along_what_its_runs_read(kit: Run) -> None:
    words = ("--table", "5", "--task", "ecg", "--method", "window-search", "--seed", "0")
    done = kit("reproduce", *words, *SMOKE, "--tier", "synthetic", "--format", "json")
    assert done.returncode == 0, done.stderr
    rows = {row["method"]: row["cells"] for row in json.loads(done.stdout)["rows"]}
    for name in ("majority", "window-search"):
        (cell,) = (each for each in rows[name] if each["task"] == "ecg")
        assert cell["measured"]["n"] == 1, name


def _write(folder: Path, modules: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
