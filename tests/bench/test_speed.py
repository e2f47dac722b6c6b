from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.bench import speed
from kit.bench.aggconv.cases import CASES
from kit.errors import KitError
from tests.conftest import Run


def test_places_of_the_papers_figures() -> None:
    two, three = speed.places(2), speed.places(3)
    assert [len(p.kernel_sizes) * len(p.dilations) for p in two] == [c * c for c in range(1, 8)]
    assert {p.length for p in two} == {1000}
    assert two[-1].kernel_sizes == (3, 5, 7, 9, 11, 13, 15)
    assert two[-1].dilations == (1, 3, 7, 15, 31, 63, 127)
    assert [p.length for p in three] == [32, 64, 128, 256, 512, 1024, 2048, 4096]
    assert {len(p.kernel_sizes) * len(p.dilations) for p in three} == {25}
    with pytest.raises(KitError, match="2 and 3"):
        speed.places(4)


def test_figure_3_is_measured_kept_and_drawn(
    kit: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # several wait for each other on a busy machine
    missing = kit("figure", "3")
    assert missing.returncode == 2
    assert "kit reproduce --figure 3" in missing.stderr
    done = kit("reproduce", "--figure", "3", "--profile", "smoke")
    assert done.returncode == 0, done.stderr
    assert "tier synthetic" in done.stdout
    measured = json.loads(kit("figure", "3", "--format", "json").stdout)
    assert {point["x"] for point in measured["points"]} == {32, 64}
    assert all(point["seconds"] > 0 for point in measured["points"])
    variants = {point["variant"] for point in measured["points"]}
    assert variants == {"dense", "depthwise", "released-quirk"}
    # What is measured already is kept: the same numbers, not new ones.
    again = kit("reproduce", "--figure", "3", "--profile", "smoke", "--format", "json")
    assert json.loads(again.stdout) == measured
    # Where the code that was timed has changed since, that is said, and it is measured anew.
    file = home / "results" / "speed" / "figure-3-smoke.json"
    assert "changed since" not in kit("figure", "3").stdout
    file.write_text(json.dumps({**measured, "code": "of before"}))
    assert "of code that has changed since" in kit("figure", "3").stdout
    anew = kit("reproduce", "--figure", "3", "--profile", "smoke", "--format", "json")
    assert json.loads(anew.stdout)["code"] == measured["code"]
    for name in ("one.svg", "two.svg", "three.png"):
        assert kit("figure", "3", "--output", str(tmp_path / name)).returncode == 0
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert "mixed-weights" in (tmp_path / "one.svg").read_text()
    assert (tmp_path / "three.png").stat().st_size > 10_000
    assert file.exists()


def test_the_quirk_sets_the_baselines_dense_and_dash_depthwise() -> None:
    """By construction of the points: each line equals one of the two fair ones."""
    place = speed.Place(32, 32, (3, 5), (1, 3))
    from kit import task
    from kit.data.preparing import prepare

    prepare(task.find(speed.TASK), "synthetic", "smoke")
    import torch

    fold = speed._fold("smoke", "synthetic", torch.device("cpu"))
    points = speed._measure(place, fold, speed.SCALES["smoke"], 1, "cpu")
    times = {(str(point.variant), point.method): point.seconds for point in points}
    for method in speed.METHODS:
        fair = "dense" if method.startswith("mixed") else "depthwise"
        assert times["released-quirk", method] == times[fair, method]


def test_bench_aggconv_prints_ratios_and_multiply_adds(kit: Run) -> None:
    words = ["bench", "aggconv", "--shapes", "1D depthwise (32,128,46)", "--no-peaks"]
    words += ["--rounds", "1", "--method", "auto", "--method", "fourier"]
    done = kit(*words)
    assert done.returncode == 0, done.stderr
    assert "x auto" in done.stdout
    rows = json.loads(kit(*words, "--format", "json").stdout)
    assert {row["method"] for row in rows} == {"auto", "fourier"}
    assert set(rows[0]) == {
        *("case", "method", "seconds", "cold_seconds", "peak_bytes", "multiply_adds")
    }
    wrong = kit("bench", "aggconv", "--method", "furier")
    assert wrong.returncode == 2
    assert "did you mean 'fourier'" in wrong.stderr
    assert CASES
