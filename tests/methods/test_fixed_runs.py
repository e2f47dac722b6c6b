"""What every method's small runs came to, they still come to; else its version is raised.

On the kind of processor that the values were made on, runs are repeated as they are, to six digits.
Elsewhere sums are added up in another order, and a training in float32 magnifies that: there the
runs are those of float64, whose architectures are exact and whose numbers have six digits on any
processor. The few methods that know no float64 are held to four digits there.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.methods.fixed_runs import (
    COMMAND,
    FILE,
    cases,
    close,
    is_double,
    machine,
    prepare_all,
    result_of,
)

pytestmark = pytest.mark.long

KNOWN = json.loads(FILE.read_text())
HERE = KNOWN["machine"] == machine()


@pytest.fixture(scope="module")
def data(smoke_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    shutil.copytree(smoke_data, folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_DATA", str(folder))
        prepare_all()
    return folder


@pytest.mark.parametrize(("of", "name"), cases(), ids=map(" ".join, cases()))
def test_results_stay(of: str, name: str, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_DATA", str(data))
    known = KNOWN["float32" if HERE else "float64"].get(f"{of} {name}")
    now, tolerance = result_of(of, name, double=not HERE), 1e-6 if HERE or is_double(name) else 1e-4
    assert known is not None, f"{name} on {of} has no known result yet; make it: {COMMAND}"
    assert now["version"] == known["version"], (
        f"{name} on {of} is of version {now['version']} and the known results are of "
        f"{known['version']}; make them anew: {COMMAND}"
    )
    moved = [each for each in known if not close(known[each], now[each], tolerance)]
    assert not moved, (
        f"{name} on {of}: {', '.join(f'{each} {known[each]} -> {now[each]}' for each in moved)}. "
        f"A change moves results. If it should, raise the version of {name} (in its info.py) or of "
        f"{of} (task.py), say so in "
        f"CHANGELOG.md and make the known results anew: {COMMAND}"
    )


def test_nothing_is_known_of_runs_that_there_are_not() -> None:
    for kind in ("float32", "float64"):
        assert sorted(KNOWN[kind]) == sorted(f"{of} {name}" for of, name in cases())


def test_six_digits() -> None:
    """The comparison sees the seventh digit, but not the eighth, and every step of a layer."""
    known = {"error": 12.345678, "architecture": [["conv1", 3, 1]]}
    assert close(known, known | {"error": 12.3456781}, 1e-6)
    assert not close(known, known | {"error": 12.34570}, 1e-6)
    assert not close(known, known | {"architecture": [["conv1", 3, 3]]}, 1e-6)
    assert not close(known, known | {"error": None}, 1e-6)
