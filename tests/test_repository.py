"""What strangers meet first: licence, citation, changelog, guide, and how the tests are chosen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from kit import __version__, paths
from tests import times

ROOT = paths.project()


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("citation-file-format", "CITATION.cff"),
        ("dependabot", ".github/dependabot.yml"),
    ],
)
def test_files_that_others_read_are_valid(schema: str, name: str) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*check, str(ROOT / name)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_hooks_are_valid_and_fetch_nothing() -> None:
    file = ROOT / ".pre-commit-config.yaml"
    check = [sys.executable, "-m", "pre_commit", "validate-config", str(file)]
    assert subprocess.run(check, check=False).returncode == 0
    assert {repo["repo"] for repo in YAML(typ="safe").load(file)["repos"]} == {"local"}


def test_one_version_is_told_everywhere() -> None:
    cited = YAML(typ="safe").load(ROOT / "CITATION.cff")
    heads = re.findall(r"^## (\S+)(?: - (\S+))?$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert heads[0] == ("Unreleased", "")
    assert heads[1] == (__version__, str(cited["date-released"]))
    assert cited["version"] == __version__


def test_both_papers_are_cited() -> None:
    references = YAML(typ="safe").load(ROOT / "CITATION.cff")["references"]
    assert [len(each["authors"]) for each in references] == [3, 6]


def test_the_table_of_times_adds_up_the_cases_of_a_function(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [("tests/a/test_x.py", "one[1]", 0.75), ("tests/a/test_x.py", "one[2]@x", 0.75)]
    cases += [("tests/test_y.py", "two@tests/test_y.py", 0.5)]
    report = tmp_path / "times.xml"
    body = "".join(f'<testcase file="{f}" name="{n}" time="{t}"/>' for f, n, t in cases)
    report.write_text(f"<testsuites><testsuite>{body}</testsuite></testsuites>")
    monkeypatch.setattr(times, "SLOW", tmp_path / "slow.txt")
    monkeypatch.setattr(times, "GUIDE", tmp_path / "guide.md")
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (tmp_path / "guide.md").write_text(guide, encoding="utf-8")
    times.main(report)
    assert (tmp_path / "slow.txt").read_text() == "tests/a/test_x.py::one\n"
    told = capsys.readouterr().out
    assert "| `tests/a` | 2 | 75% |\n| `tests` | 0 | 25% |" in told
    assert "1 of 2 test functions are slow; the others take 0 s.\n" in told
    before, after = times.WRITTEN.split(guide)
    assert (tmp_path / "guide.md").read_text(encoding="utf-8") == before + told + after


@pytest.mark.parametrize(
    ("part", "left"),
    [
        ("engines", ["engines/slurm/test_docker", "engines/test_docker"]),
        ("others", ["test_readme", "results/test_results", "test_spec"]),
    ],
)
def test_what_shares_an_engine_is_a_part_and_long_files_come_first(
    part: str, left: list[str]
) -> None:
    names = (
        "test_spec",
        "results/test_results",
        "engines/slurm/test_docker",
        "engines/test_docker",
        "test_readme",
    )
    files = [f"tests/{name}.py" for name in names]
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", *files],
        cwd=ROOT,
        env=os.environ | {"KIT_TESTS": part},
        capture_output=True,
        text=True,
        check=True,
    )
    # One test a line, in order; with -q once more it would be the files, sorted by name.
    order = [line.split("::")[0] for line in told.stdout.splitlines() if "::" in line]
    assert list(dict.fromkeys(order)) == [f"tests/{name}.py" for name in left]
