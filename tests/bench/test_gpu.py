"""What ``kit bench gpu`` does, with the CPU as its device and tiny sizes."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kit.bench import gpu, search, spaces
from kit.bench.aggconv.cases import AggConvCase
from kit.bench.gpu import parts
from kit.bench.gpu.report import GpuReport, file_of, markdown
from kit.bench.gpu.training import VARIANTS, Shape
from kit.bench.spaces import SpaceCase, darts
from kit.cli import cli
from kit.errors import KitError
from kit.files import decode_json

ONE_AXIS = AggConvCase("one axis", 2, 3, 3, (12,), True, (3, 5), (1, 3))
TWO_AXES = AggConvCase("two axes", 2, 3, 4, (6, 6), False, (3, 5), (1, 2))


@pytest.fixture
def report(darcy: Path, monkeypatch: pytest.MonkeyPatch) -> GpuReport:
    """All parts; the epochs of DASH have a test of their own."""

    def epochs(name: str, tier: str, **sizes: Any) -> list[dict[str, Any]]:
        return [{"task": name, "tier": tier, "batch_size": sizes["batch_size"], "seconds": 1.5}]

    small = {"channels": 4, "layers": 3}
    forms = {
        name: partial(darts.search_step, form, (2, 1, 8), small)
        for name, form in darts.FORMS.items()
    }
    monkeypatch.setattr(search, "measure", epochs)
    monkeypatch.setattr(darts, "CASES", (SpaceCase("darts small", forms),))
    few = {name: speed for name, speed in VARIANTS.items() if not speed.compile}
    monkeypatch.setattr(parts, "VARIANTS", few)  # compiling takes a minute
    monkeypatch.setattr(spaces, "_peak", lambda *_: 2_000_000)
    monkeypatch.setattr("kit.bench.aggconv.peak_bytes", lambda *_: 1_000_000)
    sizes = gpu.Sizes(
        cases=(ONE_AXIS, TWO_AXES),
        tasks=("darcy-flow",),
        batch=3,
        spaces=("darts",),
        training=Shape(batch=4, side=8, width=1, steps=2),
        rounds=1,
        tests=("tests/ops/test_plan.py",),
    )
    return gpu.measure("cpu", sizes)


def test_all_parts_and_both_files(report: GpuReport) -> None:
    layers = report.parts[parts.LAYERS]
    for case in (ONE_AXIS, TWO_AXES):
        of_case = [row["method"] for row in layers if row["layer"] == case.name]
        assert of_case == [*parts.forms(case), "plain-convolution"]
    for row in layers:
        if row["method"] in parts.REFERENCES:
            assert row[f"× {row['method']}"] == 1
    assert "mixed-weights" in parts.forms(ONE_AXIS)
    assert "mixed-weights" not in parts.forms(TWO_AXES)
    assert "phases" not in parts.forms(ONE_AXIS)
    assert {row["same bits"] for row in report.parts[parts.REPEATED]} == {"yes"}
    assert report.parts[parts.SEARCHES] == [
        {"task": "darcy-flow", "tier": "regenerated", "batch_size": 3, "seconds": 1.5}
    ]
    assert [row["method"] for row in report.parts[parts.STEPS]] == ["module by module", "kit"]
    assert [row["network"] for row in report.parts[parts.TWICE]] == [
        "Wide ResNet",
        "DASH supernet",
    ]
    assert {row["same bits"] for row in report.parts[parts.TWICE]} == {"yes"}
    results = {row["result"] for row in report.parts[parts.TESTS]}
    assert results == {"passed"}

    kept = decode_json(file_of("CPU", "json").read_bytes(), GpuReport)
    assert kept == report
    page = file_of("CPU", "md").read_text(encoding="utf-8")
    assert page == markdown(report)
    assert page.startswith("# CPU\n")
    assert "| layer | method | ms | × released | × mixed-results | peak MB |" in page
    assert "| 1.5e+03 |" in page

    # What the device has no use for is said, and the rest goes on.
    measured = {(row["network"], row["speed"]) for row in report.parts[parts.FASTER]}
    for name in ("tf32", "cuda_graphs"):
        assert ("Wide ResNet", name) not in measured
        assert any(f"Wide ResNet, {name}: " in line for line in report.problems)
    for row in report.parts[parts.FASTER]:
        bound = 0.2 if "bf16" in row["speed"] else 1e-4
        assert row["largest change of a loss"] < bound
    assert ("DASH supernet", "bf16") in measured
    assert "## What is missing" in markdown(report)


def test_what_comes_too_late_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.bench.aggconv.measure", lambda *_, **__: pytest.fail("was measured"))
    late = gpu.measure("cpu", gpu.Sizes(cases=(ONE_AXIS,)), budget=-1)
    assert all(not rows for rows in late.parts.values())
    assert f"{parts.LAYERS}, one axis: left out, -1 s were over" in late.problems


def test_a_failing_job_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> Any:
        raise RuntimeError("CUDA out of memory\nand more")

    def works() -> Any:
        return [{"test": "one", "seconds": 0.001}]

    todo = [parts.Job("a", "first", fails), parts.Job("b", "second", works)]
    monkeypatch.setattr(gpu, "jobs", lambda *_: todo)
    found = gpu.measure("cpu")
    assert found.problems == ["a, first: CUDA out of memory"]
    assert found.parts == {"a": [], "b": [{"test": "one", "seconds": 0.001}]}
    assert "| one | 1 |" in markdown(found)


def test_a_test_that_fails_is_a_row_and_a_broken_pytest_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tests").mkdir()
    text = (
        "import pytest\ndef test_a(): pass\ndef test_b(): assert 0\ndef test_c(): pytest.skip()\n"
    )
    (tmp_path / "tests" / "test_x.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr("kit.paths.project", lambda: tmp_path)
    rows = list(parts.tests(("tests",)))
    assert [row["result"] for row in rows] == ["passed", "failure", "skipped"]
    assert rows[1]["test"] == "tests.test_x.test_b"
    with pytest.raises(RuntimeError, match="pytest exit 5"):
        list(parts.tests(("tests", "-k", "none")))
    monkeypatch.setattr("kit.paths.installed", lambda: True)
    with pytest.raises(RuntimeError, match="take a checkout"):
        list(parts.tests(("tests",)))


def test_without_a_gpu_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.engines.torch_device.choose", lambda _: "cpu")
    with pytest.raises(KitError, match="no GPU is usable here"):
        cli.main(["bench", "gpu"], standalone_mode=False)


def test_the_command_prints_the_page_or_the_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = GpuReport(
        device="A Card 80GB",
        memory=80 * 2**30,
        torch="2",
        cuda="13",
        commit=None,
        seconds=3,
        parts={"a": []},
        problems=[],
    )
    monkeypatch.setattr("kit.engines.torch_device.choose", lambda _: "cuda")
    monkeypatch.setattr("kit.bench.gpu.measure", lambda **_: made)
    cli.main(["bench", "gpu"], standalone_mode=False)
    shown = capsys.readouterr()
    assert "`kit bench gpu`: A Card 80GB, 80 GiB, torch 2, CUDA 13; 3 s in all" in shown.out
    assert "gpu-a-card-80gb.json" in shown.err
    cli.main(["bench", "gpu", "--format", "json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["device"] == "A Card 80GB"
