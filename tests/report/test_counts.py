from __future__ import annotations

from pathlib import Path

import pytest

from kit import paths
from kit.report.tables import counts as module
from kit.report.tables.counts import Count, counts

PAIRS = [("darcy-flow", "wrn"), ("darcy-flow", "tcn")]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was really counted, by a stand-in that takes no time."""
    seen: list[tuple[str, str]] = []

    def count(task_name: str, method_name: str) -> Count | None:
        seen.append((task_name, method_name))
        return Count(10, 20, False) if method_name == "wrn" else None

    monkeypatch.setattr(module, "_count", count)
    return seen


def test_each_model_is_counted_once(counted: list[tuple[str, str]]) -> None:
    first = counts(PAIRS[:1] * 2)
    assert counts(PAIRS) == {**first, PAIRS[1]: None}
    assert first == {PAIRS[0]: Count(10, 20, False)}
    assert counts(PAIRS)[PAIRS[0]] == Count(10, 20, False)
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


@pytest.mark.parametrize("content", [b"", b"{}", b'{"code": 1, "counts": {}}'])
def test_a_damaged_file_is_no_obstacle(counted: list[tuple[str, str]], content: bytes) -> None:
    counts(PAIRS)
    (paths.results() / ".counts.json").write_bytes(content)
    assert counts(PAIRS)[PAIRS[0]] == Count(10, 20, False)
    assert counted == PAIRS * 2


def test_results_that_cannot_be_written(
    counted: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(module, "write_json", refuse)
    assert counts(PAIRS)[PAIRS[0]] == Count(10, 20, False)
    assert counted == PAIRS


def test_a_true_count() -> None:
    (found,) = counts([("darcy-flow", "wrn")]).values()
    assert found is not None
    assert found.parameters > 1e6
    assert not found.searched
