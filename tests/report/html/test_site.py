from __future__ import annotations

import errno
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kit import paths
from kit.cli.commands import report
from kit.errors import KitError
from kit.files import locked, write_json
from kit.report import table as tables
from kit.report.cells import Measured
from kit.report.html import build, matrix, runs
from kit.report.html import site as site_module
from kit.report.html.runs import find
from kit.report.tables import sizes
from kit.runs.collect import collect
from kit.runs.folder import RunFolder
from kit.runs.records import ArchitectureRecord
from kit.spec import Profile
from tests.conftest import Run
from tests.made_runs import make_run
from tests.report.html.conftest import SHOWN
from tests.report.html.pages import Page, pages


@pytest.fixture
def no_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "counts", lambda wanted, *_: dict.fromkeys(wanted))


def run_page(site: Path, start: str) -> Page:
    (file,) = sorted((site / "runs").glob(f"{start}*.html"))
    return Page(file)


def test_every_link_resolves_inside_of_the_report(site: Path) -> None:
    found = pages(site)
    assert len(found) > 30
    for page in found:
        assert page.dead_links() == [], page.file
        assert not [a for a in page.addresses() if re.match(r"[a-z]+:|/", a)], page.file
        assert len(page.ids) == len(set(page.ids)), page.file


def test_pages_hold_no_code_of_their_own(site: Path) -> None:
    for page in pages(site):
        for tag, attributes in page.elements:
            assert not [name for name in attributes if name.startswith("on")], page.file
            assert "style" not in attributes, (page.file, tag)
            assert tag != "style"
            assert tag != "script" or attributes.get("src", "").endswith("assets/report.js")  # type: ignore[union-attr]
        (policy,) = [a["content"] for _, a in page.elements if "http-equiv" in a]
        assert "default-src 'none'" in str(policy)
        assert "unsafe" not in str(policy)


def test_logs_and_messages_are_shown_as_they_are_and_do_nothing(site: Path) -> None:
    page = run_page(site, "ecg_wrn")
    assert SHOWN in page.text
    assert not [tag for tag, attributes in page.elements if tag == "img"]
    for other in (run_page(site, "psicov_wrn"), Page(site / "index.html")):
        assert f"method: bad {SHOWN}" in other.text
        assert not [tag for tag, _ in other.elements if tag == "img"]


def test_results_that_are_only_to_be_read_are_told_of_the_other_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(folder: Path, progress: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(folder))

    monkeypatch.setattr("kit.report.html.build", build)
    with pytest.raises(KitError, match=r"results/report: Read-only .*; --output names another"):
        report.command.main([], standalone_mode=False)
    with pytest.raises(OSError, match="Read-only"):  # which is not its fault
        report.command.main(["--output", str(tmp_path)], standalone_mode=False)


def test_hostile_folder_names_stay_names(no_counting: None, tmp_path: Path) -> None:
    del no_counting
    odd = paths.runs() / '"><b>' / "a b&c" / "lite-'x'" / "seed-0-<i>"
    odd.mkdir(parents=True)
    (odd / "log.txt").write_text("hello")
    built = build(tmp_path / "report")
    assert (built.runs, built.unfinished) == (1, 1)
    for page in pages(built.folder):
        assert page.dead_links() == []
        assert not [
            tag for tag, _ in page.elements if tag in ("b", "i") and page.file.parent.name == "runs"
        ]


def test_of_many_runs_all_are_listed_and_some_have_pages(
    no_counting: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del no_counting
    for seed in range(12):
        make_run("darcy-flow", "wrn", seed, profile="lite")
        make_run("ecg", "wrn", seed, profile="lite")
    last = RunFolder(make_run("ecg", "wrn", 99, profile="lite").spec)
    last.result.unlink()
    monkeypatch.setattr(runs, "PAGES", 5)
    monkeypatch.setattr(site_module, "SIBLINGS", 1)
    built = build(tmp_path / "report")
    assert (built.runs, built.unfinished) == (25, 1)
    made = {file.name.rpartition("-")[0] for file in (tmp_path / "report" / "runs").glob("*_*")}
    kept = [
        f"{name}_wrn_lite-released_seed-{seed}" for name in ("darcy-flow", "ecg") for seed in "01"
    ]
    assert made == {*kept, "ecg_wrn_lite-released_seed-99"}
    listed = Page(tmp_path / "report" / "runs" / "index.html")
    assert sum(tag == "tr" for tag, _ in listed.elements) == 1 + 25
    assert "Of 25 runs 5 have a page" in listed.text
    for page in pages(built.folder):
        assert page.dead_links() == []
    (middle,) = (tmp_path / "report" / "runs").glob("ecg*seed-1-*")
    assert sum("seed" in address for address in Page(middle).addresses()) == 1


def test_each_measured_number_leads_to_its_runs(site: Path) -> None:
    page = Page(site / "tables" / "dash-5.html")
    links = [a for a in page.addresses() if a.startswith("../runs/darcy-flow_dash_paper")]
    assert len(links) == 4  # the mean, and each seed
    assert len(set(links)) == 3
    assert not [a for a in page.addresses() if "ecg_dash" in a]  # it has overrides


def test_a_run_page_tells_all(site: Path) -> None:
    page = run_page(site, "darcy-flow_dash_paper-released_seed-1")
    for words in (
        "kit run darcy-flow dash --seed 1 --profile paper --protocol released --tier published",
        "papers’ data",
        "relative-l2 0.0081",
        "search: loss",
        "search: entropy",
        "retrain: loss",
        "Block64,(5,3),(7,7)",
        "1,234,567",
        "a" * 40,
        "all is well",
        "search.gradient_scale",
    ):
        assert words in page.text, words
    assert len([a for a in page.addresses() if "darcy-flow_dash_paper-released_seed-" in a]) == 2
    drawn = [a["aria-label"] for tag, a in page.elements if tag == "svg"]
    assert "conv1: kernel size 3, dilation 1" in str(drawn)


def test_what_is_not_the_papers_is_said_wherever_it_stands(site: Path) -> None:
    assert "synthetic data" in run_page(site, "ecg_wrn").text
    assert "synthetic" in Page(site / "tables" / "dash-5.html").text
    overview = Page(site / "index.html").text
    assert "4 runs on synthetic data" in overview
    assert "Reduced size" in overview


def test_failures_are_shown(site: Path) -> None:
    overview = Page(site / "index.html").text
    assert "1 failed" in overview
    assert "1 no valid result" in overview
    assert "schema 99 instead of 2" in overview
    assert "method: bad" in run_page(site, "psicov_wrn").text
    table = Page(site / "tables" / "dash-5.html").text
    assert "NaN (1/2)" in table
    assert "2 of 3" in table


def test_a_run_stands_where_kit_status_has_it(kit: Run) -> None:
    dead, under_way, untouched = (RunFolder(make_run(seed=seed).spec) for seed in range(3))
    for folder in (dead, under_way, untouched):
        folder.result.unlink()
    for folder in (dead, under_way):
        folder.set_status("running", stage="train", epoch=1, epochs=3)
    for name in ("status.json", "engine.json"):
        (untouched.path / name).unlink()
    with locked(under_way.lock):
        listed = json.loads(kit("status", "--format", "json").stdout)["runs"]
        found = {run.id: run.state for run in find(paths.runs(), collect())}
    assert sorted(found.values()) == ["queued", "running", "stopped"]
    assert found == {each["id"]: each["state"] for each in listed}


def test_the_matrix_shows_verdicts_in_words_and_signs(site: Path) -> None:
    page = Page(site / "index.html")
    titles = [str(a["title"]) for tag, a in page.elements if tag == "a" and "title" in a]
    (worse,) = [t for t in titles if t.startswith("DASH on CIFAR-100") and "published 24" in t]
    assert ": worse, 61.0±1.0 (paper, published)" in worse
    assert any(": reduced," in title for title in titles)
    assert "1 of 2 judged cells agree" in page.text
    assert any(t.startswith("TCN on PSICOV: n/a") for t in titles)
    table = Page(site / "tables" / "dash-5.html")
    assert any(
        a.get("title") == "it is for 1D data, and this task is 2D" for _, a in table.elements
    )


def test_a_cell_without_a_mean_has_a_sign_of_its_own(site: Path) -> None:
    page = Page(site / "index.html")
    titles = [str(a["title"]) for tag, a in page.elements if tag == "a" and "title" in a]
    assert any(t.startswith("WRN on CIFAR-100: no mean, NaN (1/2)") for t in titles)
    assert "∅ no mean a seed is NaN or has several runs, or settings differ (2)" in page.text


@pytest.mark.parametrize("changes", [{"duplicate_seeds": (0,)}, {"mixed": True}])
@pytest.mark.parametrize("profile", ["paper", "lite"])
def test_several_runs_of_a_seed_or_unlike_settings_are_no_mean(
    profile: Profile, changes: dict[str, Any]
) -> None:
    values = {0: 1.0, 1: 2.0}
    plain = Measured("ecg", "wrn", "f1", "", profile, "released", "published", values, ())
    cell = tables.make("dash", 5, []).rows[0].cells[0]
    assert matrix.sign(replace(cell, measured=plain)).title != "no mean"
    assert matrix.sign(replace(cell, measured=replace(plain, **changes))).title == "no mean"


@pytest.mark.usefixtures("no_counting")
def test_a_cell_says_once_what_does_not_count(tmp_path: Path) -> None:
    made = [make_run("ecg", "wrn", seed) for seed in range(3)]
    RunFolder(made[2].spec).result.write_text("{")
    page = Page(build(tmp_path / "report").folder / "tables" / "dash-5.html")
    assert page.text.count("· 2 of 3 × 1 unread") == 1
    assert page.text.count("1 unread") == 1


def test_every_published_table_and_erratum_is_there(site: Path) -> None:
    from kit import papers

    for paper in papers.papers():
        for number in papers.tables(paper):
            text = Page(site / "tables" / f"{paper}-{number}.html").text
            for cell in papers.published(paper, number):
                assert " ".join(str(cell).split()) in text, cell
            errata = Page(site / "errata.html").text
            noted = [c.note for c in papers.published(paper, number) if c.note]
            assert all(" ".join(note.split()) in errata for note in noted)


def test_the_same_results_make_the_same_bytes_and_little_of_them(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_counting: None
) -> None:
    del no_counting
    monkeypatch.setenv("KIT_RESULTS", str(site.parent))
    again = build(tmp_path / "again").folder
    files = sorted(file.relative_to(site) for file in site.rglob("*") if file.is_file())
    assert files == sorted(file.relative_to(again) for file in again.rglob("*") if file.is_file())
    for file in files:
        assert (site / file).read_bytes() == (again / file).read_bytes(), file
    size = sum((site / file).stat().st_size for file in files if file.parts[0] != "runs")
    assert size < 2e6


def test_an_earlier_report_is_replaced_and_nothing_else(
    no_counting: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del no_counting
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years of work")
    with pytest.raises(KitError, match="holds something that is no report"):
        build(mine)
    assert (mine / "thesis.tex").exists()
    folder = build(tmp_path / "report").folder
    (folder / "runs" / "old.html").write_text("")
    with monkeypatch.context() as patch:
        patch.setattr("shutil.copytree", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            build(folder)
    assert (folder / "runs" / "old.html").exists()
    build(folder)
    assert not (folder / "runs" / "old.html").exists()
    assert sorted(path.name for path in tmp_path.iterdir() if "report" in path.name) == ["report"]


@pytest.mark.usefixtures("no_counting")
def test_every_column_of_an_own_task_has_what_it_sorts_by(tmp_path: Path) -> None:
    for seed, value in enumerate((20.0, 10.0, 15.0)):
        make_run("sequential-mnist", "wrn", seed, value)
    make_run("sequential-mnist", "dash", 0, None)
    page = Page(build(tmp_path / "report").folder / "tables" / "task-sequential-mnist.html")
    heads = [tag for tag, a in page.elements if tag == "th" and a["scope"] == "col"]
    keys = [a.get("data-sort", "words") for tag, a in page.elements if tag == "td"]
    width = len(heads) - 1
    rows = [keys[start : start + width] for start in range(0, len(keys), width)]
    hours = str(12.5 / 3600)
    assert ["15.0", "3", hours, "1234567", "words"] in rows
    assert ["", "1", hours, "1234567", "words"] in rows
    assert ["", "", "", "", "words"] in rows


def test_cells_without_a_number_sort_last(site: Path) -> None:
    table = Page(site / "tables" / "dash-5.html")
    stored = {str(a["id"]): a for tag, a in table.elements if tag == "td" and "id" in a}
    assert stored["cifar-100.dash.zero-one-error"]["data-measured"] == "61.0"
    assert stored["cifar-100.wrn.zero-one-error"]["data-measured"] == ""
    listed = Page(site / "runs" / "index.html")
    found = [a["data-sort"] for tag, a in listed.elements if tag == "td" and "data-sort" in a]
    assert len(found) == 2 * 12
    assert found.count("") == 1 + 2 * 2  # NaN, and two runs without a result


def test_speed_figures_are_drawn_once_they_are_measured(site: Path) -> None:
    page = Page(site / "figures.html")
    drawn = [str(a.get("aria-label")) for tag, a in page.elements if tag == "svg"]
    assert "DASH, Figure 2, measured" in drawn
    assert "2 steps of batch 4, median of 3 (in the paper: epochs of batch 128); CPU" in page.text
    assert "profile smoke, tier synthetic" in page.text
    missing = "DASH, Figure 3, measured: figure 3 is not measured; run 'kit reproduce --figure 3"
    assert missing in page.text


def test_odd_histories_and_architectures_are_no_obstacle() -> None:
    made = make_run("darcy-flow", "dash")
    folder = RunFolder(made.spec)
    folder.history.write_text(
        '{"stage": "search", "epoch": 0, "loss": NaN}\n'
        '{"stage": "search", "epoch": 1, "loss": null}\n'
        '[1]\n{"stage": 3, "epoch": "x", "loss": 1}\n{"cut'
    )
    text = folder.result.read_text()
    for value in ('"none"', "[[1, 2]]", '[["a", -3, 1]]', '[["a", 99999999, 1]]'):
        new = re.sub(r'"value": \[\s*\[.*?\]\s*\]\s*,', f'"value": {value},', text, flags=re.S)
        assert new != text
        folder.result.write_text(new)
        (run,) = find(paths.runs(), collect())
        assert run.result is not None
        assert run.drawing is None
        assert "no finite value" in str(run.curves()[0])


@pytest.mark.usefixtures("counted")
def test_the_command(kit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = kit("report")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("report/index.html: 0 runs\n")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "y").write_text("")
    refused = kit("report", "--output", str(tmp_path / "x"))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert kit("report", "--output", ".").returncode == 0
    assert (tmp_path / "here" / "index.html").exists()


@pytest.mark.usefixtures("no_counting")
def test_an_architecture_of_another_kit_is_shown_as_data(tmp_path: Path) -> None:
    made = make_run()
    found = ArchitectureRecord(kind="<script>", version=7, value="<script>alert(1)</script>")
    write_json(RunFolder(made.spec).result, msgspec.structs.replace(made, architecture=found))
    build(tmp_path / "report")
    (page,) = (tmp_path / "report" / "runs").glob(f"*{made.spec.id[:8]}.html")
    text = page.read_text()
    assert "<script>alert" not in text
    assert "(&lt;script&gt;, version 7)" in text
