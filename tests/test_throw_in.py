"""A task and a method that nothing else knows: two folders, and everything works with them."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from tests.conftest import Run

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
INFO = """
    from kit.method import MethodInfo
    from kit.settings import Settings

    class MajoritySettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
        bonus: int = 0

    class Majority(MethodInfo):
        def applies(self, task):
            return None if task.kind == "point" else "it votes on classes"

    METHOD = Majority(
        name="majority", title="Majority class", version=1, stages=("count",),
        settings_type=MajoritySettings,
    )
"""
METHOD = """
    import torch

    from kit.base.method import Method, Outcome
    from kit.metrics import Prediction

    class Majority(Method):
        def run_stage(self, stage, context):
            checkpointer = context.checkpointer(stage, 1)
            counts = torch.bincount(context.fold("final_fit").samples.y)
            context.finish(checkpointer, label=int(counts.argmax()))

        def predictor(self, context):
            label = context.output("count")["label"]
            return lambda batch: Prediction(torch.full_like(batch.y, label), "labels")

        def outcome(self, context):
            return Outcome()
"""


@pytest.fixture
def thrown_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks, methods = tmp_path / "my tasks", tmp_path / "my methods"
    _write(tasks / "three_waves", {"task": TASK, "prepare": PREPARE, "waves": WAVES})
    _write(methods / "majority", {"info": INFO, "method": METHOD})
    (methods / "majority" / "settings.toml").write_text("bonus = 1\n")
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


def _write(folder: Path, modules: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
