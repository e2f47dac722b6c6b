"""docs/own-data.md: its tables are those of the results, and its commands make the tasks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from kit import method, task
from kit.data.new_task import create
from kit.runs.collect import collect
from tests import own_numbers

TEXT = own_numbers.PAGE.read_text(encoding="utf-8")
NAMES = ("diabetes", "digits", "fertility")
METHODS = {"constant", "linear", "xgboost", "wrn", "dash"}


def test_its_tables_are_those_of_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_TASKS", str(own_numbers.RESULTS / "tasks"))
    assert own_numbers.written(TEXT) == TEXT, "'make numbers' writes them"
    assert len(own_numbers.BLOCK.findall(TEXT)) == len(NAMES) + 1
    found = collect(own_numbers.RESULTS / "runs")
    assert found.rejected == []
    runs = {(each.spec.task, each.spec.method, each.spec.seed) for each in found.results}
    assert runs == {(name, each, seed) for name in NAMES for each in METHODS for seed in range(3)}
    for each in (result.spec for result in found.results):
        now = method.find(each.method).spec(
            task.find(each.task),
            each.seed,
            protocol=each.protocol,
            profile=each.profile,
            tier=each.tier,
        )
        assert now.id == each.id, f"settings changed: the page's commands make {each} again"


def test_its_commands_make_the_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (script,) = re.findall(r"python - <<'END'\n(.*?)END\n", TEXT, re.S)
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    for name in ("digits", "diabetes"):
        assert f"kit new task {name} --from {name}.npz\n" in TEXT
        monkeypatch.setenv("KIT_TASKS", str(own_numbers.RESULTS / "tasks"))
        kept = task.find(name)
        # Modules are imported once per process and name.
        create(f"{name}-again", tmp_path / f"{name}.npz", tmp_path)
        monkeypatch.setenv("KIT_TASKS", str(tmp_path))
        made = task.find(f"{name}-again")
        assert (made.kind, made.sample_shape, made.outputs) == (
            kept.kind,
            kept.sample_shape,
            kept.outputs,
        )
        assert (made.loss, made.metrics, made.rules) == (kept.loss, kept.metrics, kept.rules)
