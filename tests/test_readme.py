"""README's commands, top to bottom, in one folder; long ones at the size of a smoke test."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from scipy.stats import ttest_ind

from kit import paths
from kit.report import column
from kit.report.architectures import likeness
from kit.runs.collect import collect
from kit.spec import RunSpec
from tests import readme_numbers, study_numbers

pytestmark = pytest.mark.long

README = (paths.project() / "README.md").read_text(encoding="utf-8")
# What stands in README, and what the test does in its place: the same, smaller.
SMALLER = {
    "make reproduce": "kit reproduce --table 5 --task darcy-flow --profile smoke --seed 0",
    "kit reproduce --table 5 --profile smoke --seed 0": "kit reproduce --table 5 --profile smoke "
    "--seed 0 --task darcy-flow --method dash --method wrn",
    "kit run digits dash --profile lite --seed 0": "kit run digits dash --profile smoke --seed 0",
}
SECTIONS = ("Five minutes", "Your own data")
ELSEWHERE = Path("docs") / "results" / "processors" / "runs"


def block(section: str) -> str:
    """Return the first block of commands of a section, without the prefix of the checkout."""
    text = README.split(f"\n## {section}\n")[1].split("\n## ")[0]
    found = re.findall(r"^```\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return str(found[0]).replace(".venv/bin/kit", "kit")


@pytest.fixture
def shell(tmp_path: Path, kept_counts: Path) -> dict[str, str]:
    """An environment whose ``kit`` and ``python`` are those of this test; it knows all sizes."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, words in (("kit", f"{sys.executable} -m kit"), ("python", sys.executable)):
        (folder / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        (folder / name).chmod(0o755)
    (tmp_path / "tasks").mkdir()
    (tmp_path / "results").mkdir()
    shutil.copy(kept_counts, tmp_path / "results")
    return {
        **os.environ,
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(paths.project()),
        "KIT_DATA": str(tmp_path / "data"),
        "KIT_RESULTS": str(tmp_path / "results"),
        "KIT_TASKS": str(tmp_path / "tasks"),
    }


def test_its_numbers_are_those_of_the_results_beside_it() -> None:
    (block,) = readme_numbers.BLOCK.findall(README)
    stated, made = readme_numbers.numbers(block), readme_numbers.numbers(readme_numbers.table())
    assert stated == made, "'make numbers' writes them; docs/results is their source"
    assert len(made) >= 3 + 2
    assert collect(paths.project() / readme_numbers.RESULTS).rejected == []


def test_columns_are_those_of_the_results_beside_them() -> None:
    made = study_numbers.blocks()
    assert study_numbers.stated() == made, (
        "'make numbers' writes them; docs/results is their source"
    )
    for name in study_numbers.COLUMNS:
        picture = f"column-{name}.svg"
        assert (paths.project() / "docs" / picture).exists() == (picture in made[f"column {name}"])


def apart(made: column.Column, one: str, other: str) -> bool:
    """Tell whether Welch's t test sees a difference of two methods over their seeds."""
    found = {
        row.method: [value for value in row.measured.values.values() if value is not None]
        for row in made.rows
    }
    return bool(ttest_ind(found[one], found[other], equal_var=False).pvalue < 0.05)


def test_what_is_said_of_darcy_flow_is_so() -> None:
    made = study_numbers.column_of("darcy-flow")
    mean = {row.method: row.measured.mean or math.nan for row in made.rows}
    order = [row.method for row in made.rows if row.printed]
    assert {*order[:3]} == {"expert", "dash", "baby-dash"}
    assert order[-2:] == ["xgboost", "perceiver-io"]
    assert made.agreement.interval is not None
    assert made.agreement.interval[0] > 0
    assert mean["dash"] < mean["dash-random"]
    assert apart(made, "dash", "dash-random")
    assert mean["dash-uniform"] < mean["dash"]
    assert not apart(made, "dash", "dash-uniform")
    assert mean["darts-random"] < min(mean["darts-gaea"], mean["te-nas"])
    assert mean["densenas-random"] < mean["densenas"]
    _, drawn, largest, dilated = study_numbers.study_of("controls").rows
    for row, told in ((drawn, False), (largest, False), (dilated, True)):
        assert row.interval is not None
        assert (row.interval[0] > 0 or row.interval[1] < 0) == told


def test_what_is_said_of_ecg_is_so() -> None:
    made = study_numbers.column_of("ecg")
    order = [row.method for row in made.rows if row.printed]
    assert order[0] == "amber"
    assert {*order[-3:]} == {"perceiver-io", "xgboost", "tcn"}
    assert made.agreement.interval is not None
    assert made.agreement.interval[0] < 0
    for one, other in (
        ("amber", "amber-random"),
        ("dash", "dash-random"),
        ("dash", "dash-uniform"),
        ("darts-gaea", "darts-random"),
        ("densenas", "densenas-random"),
    ):
        assert not apart(made, one, other)


def test_what_is_said_of_the_ablation_is_so() -> None:
    _, *parts, direct, fourier = study_numbers.study_of("ablation").rows
    for row in parts:
        assert row.interval is not None
        assert row.interval[0] < 0 < row.interval[1], row.title
    layers = {row.title: row.layers or 0.0 for row in parts}
    assert layers["softmax without noise"] < 0.1
    assert round(39 * layers["no penalty"]) == 38
    assert (fourier.against, fourier.layers, fourier.same) == (direct.title, 1, 3)
    assert fourier.values == pytest.approx(direct.values, rel=1e-6)


def test_what_is_said_of_two_processors_is_so() -> None:
    """The same runs on two machines, by versions whose numbers are the same bits at that size."""
    here, there = (
        {run.spec.seed: run for run in found if is_dash(run.spec)}
        for found in (study_numbers.results(), study_numbers.results(ELSEWHERE))
    )
    assert [here[seed].metrics == there[seed].metrics for seed in there] == [False] * 3
    assert round(13 * sum(likeness(here[seed], there[seed]) for seed in there)) == 38


def is_dash(spec: RunSpec) -> bool:
    """Tell whether a run is DASH's own on Darcy Flow."""
    return (spec.task, spec.method, spec.overrides) == ("darcy-flow", "dash", ())


def test_its_commands_run_in_their_order(shell: dict[str, str], tmp_path: Path) -> None:
    script = "make reproduce\n" + "".join(block(name) for name in SECTIONS)
    for words, smaller in SMALLER.items():
        assert words in README.replace(".venv/bin/kit", "kit"), f"README has no {words!r}"
        script = script.replace(words, smaller)
    commands = [line for line in script.splitlines() if line.startswith("kit ")]
    assert len(commands) > 10
    # bash -e, but 'kit doctor' tells what is wrong with a machine by its exit code.
    script = script.replace("kit doctor", "kit doctor || test $? = 1")
    done = subprocess.run(
        ["bash", "-euxc", script],
        cwd=tmp_path,
        env=shell,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    for name in ("net.svg", "new.csv", "digits-model/program.pt2", "results/report/index.html"):
        assert (tmp_path / name).exists(), name
