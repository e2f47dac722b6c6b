from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from kit import paths
from kit.data import new_task
from kit.errors import KitError
from kit.report.tables import Progress
from kit.report.tables import counts as module
from kit.report.tables.counts import ModelCounts, counts

PAIRS = [("darcy-flow", "wrn"), ("darcy-flow", "tcn")]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was really counted, by a stand-in that takes no time."""
    seen: list[tuple[str, str]] = []

    def count(
        pairs: list[tuple[str, str]], _: Progress
    ) -> dict[tuple[str, str], ModelCounts | None]:
        seen.extend(pairs)
        return {pair: ModelCounts(10, 20, 5, False) if pair[1] == "wrn" else None for pair in pairs}

    monkeypatch.setattr(module, "_count", count)
    return seen


def test_own_samples_too_small_for_a_method_leave_the_rest_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(tmp_path / "short.npz", x=np.random.default_rng(0).random((20, 8)), y=[0, 1] * 10)
    new_task.create("short", tmp_path / "short.npz", tmp_path)
    monkeypatch.setenv("KIT_TASKS", str(tmp_path))
    monkeypatch.setenv("KIT_RESULTS", str(tmp_path / "results"))
    found = counts([("short", "amber"), ("short", "wrn")])
    assert found["short", "amber"] is None
    assert found["short", "wrn"] is not None


def test_each_model_is_counted_once(counted: list[tuple[str, str]]) -> None:
    first = counts(PAIRS[:1] * 2)
    assert counts(PAIRS) == {**first, PAIRS[1]: None}
    assert first == {PAIRS[0]: ModelCounts(10, 20, 5, False)}
    assert counts(PAIRS)[PAIRS[0]] == ModelCounts(10, 20, 5, False)
    assert counted == PAIRS


def test_other_code_is_counted_again(
    counted: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts(PAIRS)
    folder = tmp_path / "methods" / "mine"
    folder.mkdir(parents=True)
    (folder / "stages.py").write_text("")
    monkeypatch.setenv("KIT_METHODS", str(folder.parent))
    counts(PAIRS)
    (folder / "stages.py").write_text("x = 1")
    counts(PAIRS)
    counts(PAIRS)
    assert counted == PAIRS * 3


def test_another_task_is_counted_alone(
    counted: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("darcy", "heart"):
        shipped = {"darcy": "darcy_flow", "heart": "ecg"}[name]
        copytree(paths.project() / "tasks" / shipped, tmp_path / "tasks" / name)
    monkeypatch.setenv("KIT_TASKS", str(tmp_path / "tasks"))
    others = [("heart", "wrn")]
    counts([*PAIRS, *others])
    (tmp_path / "tasks" / "heart" / "more.py").write_text("")
    counts([*PAIRS, *others])
    counts(others)
    assert counted == [*PAIRS, *others, *others]


def test_what_no_model_depends_on_is_there() -> None:
    package = Path(module.__file__).parents[2]
    assert all((package / name).exists() for name in module.ABOVE)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"darcy-flow": {"code": 1, "counts": {}}}'])
def test_a_damaged_file_is_no_obstacle(counted: list[tuple[str, str]], content: bytes) -> None:
    counts(PAIRS)
    (paths.results() / ".counts.json").write_bytes(content)
    assert counts(PAIRS)[PAIRS[0]] == ModelCounts(10, 20, 5, False)
    assert counted == PAIRS * 2


def test_results_that_cannot_be_written(
    counted: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(module, "write_json", refuse)
    monkeypatch.setattr(module, "_unwritten", {})
    for _ in range(2):
        assert counts(PAIRS)[PAIRS[0]] == ModelCounts(10, 20, 5, False)
    assert counted == PAIRS


def test_other_processes_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEWEST", 2)
    others, seen = [("ecg", "dash"), ("darcy-flow", "expert")], []
    found = counts([*PAIRS, *others], lambda *each: seen.append(each))
    wide, none, searched, complex_ = found.values()
    assert sorted(seen) == [(done, 4) for done in (1, 2, 3, 4)]
    assert wide is not None
    assert wide.parameters > 1e6
    assert not wide.searched
    assert none is None  # a TCN is for 1D data
    assert searched is not None
    assert searched.searched
    assert complex_ is not None
    assert complex_.parameters > 1e6


def test_the_process_that_asks_stays_without_torch() -> None:
    told = "import sys; from kit.report.tables.counts import counts"
    told += "; print(counts([('ecg', 'wrn')]), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("{('ecg', 'wrn'): ModelCounts(parameters=50")
    assert done.stdout.endswith("False\n")


def test_a_model_that_cannot_be_built_is_one_line() -> None:
    with pytest.raises(
        KitError, match=r"models could not be counted: wrm on ecg: unknown method 'wrm'"
    ):
        counts([("ecg", "wrm")])
