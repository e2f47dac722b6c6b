"""A run that is handed over as a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kit.engines import handover
from kit.engines.engine import SweepOptions
from kit.engines.execute import ExecuteOptions, execute
from kit.engines.local import Local
from kit.errors import KitError
from kit.files import canonical_json, write_json
from kit.runs.folder import RunFolder
from kit.spec import RunSpec
from tests.conftest import Run
from tests.engines.fake_run import spec_of
from tests.specs import smoke_spec


def left(spec: RunSpec, **changes: Any) -> Path:
    """Leave a changed spec in a run's folder, or in the changed run's own."""
    file = RunFolder(spec).path / "spec.json"
    write_json(file, msgspec.structs.replace(spec, **changes))
    return file


@pytest.mark.usefixtures("darcy")
def test_a_run_begun_by_hand_goes_on_by_its_file(kit: Run) -> None:
    """The settings are those of the file, whatever they would come to now."""
    spec = smoke_spec("wrn", "epochs=1", seed=3, protocol="clean")
    file = left(spec)
    done = kit("run", "--spec", str(file), "--format", "json")
    assert done.returncode == 0, done.stderr
    (result,) = msgspec.json.decode(done.stdout)
    assert canonical_json(result["spec"]) == canonical_json(spec)
    assert len(RunFolder(spec).history.read_text().splitlines()) == 1
    kept = execute(spec, ExecuteOptions())
    assert kept is not None
    assert kept.metrics["relative-l2"].value == result["metrics"]["relative-l2"]["value"]


@pytest.mark.usefixtures("darcy")
def test_of_a_sweep_only_runs_with_trials_train_them_elsewhere() -> None:
    """``kit reproduce --trials-on`` tells all of its runs, and a method without trials goes on."""
    spec = spec_of("darcy-flow", "constant", 0)
    left(spec)
    options = SweepOptions(trials_on="local:2")
    handle = (engine := Local(options)).start(spec, ())
    while (end := engine.poll(handle)) is None:
        time.sleep(0.02)
    assert end.code == 0, RunFolder(spec).log.read_text()
    words = Local(options)._command(spec)
    assert words[-2:] == ["--trials-on", "local:2"]
    assert handover.arguments(spec, "cpu")[-2:] == ["--device", "cpu"]
    for seed in (0, 1):  # also of a run that is done
        with pytest.raises(KitError, match="constant has no trials"):
            execute(spec_of("darcy-flow", "constant", seed), ExecuteOptions(trials_on="local:2"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task_version": 99}, "of version 99 of task darcy-flow, which is"),
        ({"method_version": 0}, "of version 0 of method wrn, which is"),
    ],
)
def test_another_version_is_refused(changes: dict[str, Any], said: str) -> None:
    spec = msgspec.structs.replace(spec_of("darcy-flow", "wrn", 0), **changes)
    with pytest.raises(KitError, match=said):
        handover.read(left(spec))


def test_a_file_that_is_not_in_its_folder_is_refused(tmp_path: Path) -> None:
    spec = spec_of("darcy-flow", "wrn", 0)
    with pytest.raises(KitError, match="the spec of the run in"):
        handover.read(left(spec, seed=1))
    copy = tmp_path / "spec.json"
    copy.write_bytes(left(spec).read_bytes())
    with pytest.raises(KitError, match="the spec of the run in"):
        handover.read(copy)


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"task": "darcy-flow", "more": 1}'])
def test_what_is_no_spec_is_one_line(kit: Run, tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "spec.json").write_bytes(content)
    done = kit("run", "--spec", str(tmp_path / "spec.json"))
    assert done.returncode == 2
    assert "spec.json: no spec of a run" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say which run: TASK METHOD, or --spec FILE"),
        (("darcy-flow",), "say which run"),
        (("darcy-flow", "wrn", "--spec", "x"), "--spec says all of what the run is"),
        (("--spec", "x", "--seed", "0"), "--spec says all"),
        (("--spec", "x", "--profile", "paper"), "--spec says all"),
        (("--spec", "x", "-o", "epochs=1"), "--spec says all"),
    ],
)
def test_a_run_is_named_in_one_way(kit: Run, words: tuple[str, ...], said: str) -> None:
    done = kit("run", *words)
    assert done.returncode == 2
    assert said in done.stderr
