"""``kit data``: what there is to be had, the plan, what is taken as what, and what agrees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from kit import task
from kit.cli.commands.data import command
from kit.data import preparing
from kit.data.facts import facts
from kit.data.prepared import open_prepared
from kit.errors import DataError
from kit.mirrors import drive, zenodo
from kit.task import find
from tests.conftest import Run
from tests.data.hosts import Hosts, playing

CONTENT = b"a,b\n1,2\n"
TASK = """
from kit.task import Source, Task

TASK = Task(
    name="far-away", title="Far away", dims=1, sample_shape=(1, 2), outputs=2, kind="point",
    loss="cross-entropy", metrics=("zero-one-error",), unit="sample", version=1, licence="CC0",
    citation="made up", tiers=("published", "rebuilt"), sources=(
        Source(file="ID", urls={urls!r}, roughly=2_000_000_000),
        Source(file="table.csv", urls={urls!r}, tier="precomputed"),
        Source(file="data.bin", urls={other!r}, tier="rebuilt"),
    ),
)
"""


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hosts]:
    """One task, ``far-away``, with a file on Drive and one on Zenodo."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "own" / "far_away"
    folder.mkdir(parents=True)
    (folder / "prepare.py").write_text("")
    monkeypatch.setenv("KIT_TASKS", str(folder.parent))
    with playing(ID=CONTENT) as found:
        found.files["data.bin"] = CONTENT
        urls, other = found.url(drive("ID")), found.url(zenodo("1", "data.bin"))
        (folder / "task.py").write_text(TASK.format(urls=(urls,), other=(other,)))
        yield found


def test_what_can_be_had_by_whom(kit: Run, hosts: Hosts) -> None:
    lines = kit("data", "list", "far-away").stdout
    assert "2.00 GB" in lines
    assert "not tried by us" in lines
    assert hosts.requests == [], "nobody is asked unless it is said"
    rows = json.loads(kit("data", "list", "far-away", "--probe", "--format", "json").stdout)
    assert [(row["tier"], row["verdict"]) for row in rows] == [
        ("published", "yes"),
        ("rebuilt", "none: not the papers' files"),
    ]
    assert list(rows[0]["answers"].values()) == ["answers, 0.0 MB"]
    assert {method for method, _, _ in hosts.requests} == {"HEAD"}
    hosts.drive, hosts.down = "quota", {"zenodo.org": 503}
    lines = kit("data", "list", "far-away", "--probe").stdout
    assert "answers with a web page" in lines
    assert "HTTP 503" in lines


def test_nothing_is_fetched_before_the_plan_was_seen(kit: Run, hosts: Hosts) -> None:
    done = kit("data", "fetch", "--all", "--tier", "rebuilt")
    assert done.returncode == 0
    assert "far-away" in done.stdout
    assert "CC0" in done.stdout
    assert "nothing was fetched" in done.stdout
    assert hosts.requests == []


def test_everything_goes_on_past_what_cannot_be_had(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    hosts.drive = "quota"
    monkeypatch.setattr(task, "names", lambda: ["far-away"])
    done = CliRunner().invoke(command, ["fetch", "--all", "--yes"])
    assert isinstance(done.exception, DataError)
    assert str(done.exception).startswith("incomplete: far-away; the same command goes on")
    hosts.drive = ""
    done = CliRunner().invoke(command, ["fetch", "--all", "--yes"])
    assert done.exit_code == 0
    assert (home / "data" / "raw" / "far-away" / "ID").read_bytes() == CONTENT
    done = CliRunner().invoke(command, ["fetch", "--all", "--yes"])
    assert "nothing to fetch" in done.stdout


def test_another_tier_is_named_where_one_cannot_be_had(kit: Run, hosts: Hosts, home: Path) -> None:
    hosts.drive = "quota"
    done = kit("data", "fetch", "far-away")
    assert done.returncode == 2
    assert "too many downloads today; try again tomorrow" in done.stderr
    assert "or take 'kit data fetch far-away --tier rebuilt'" in done.stderr
    assert done.stderr.count("\n") == 1
    assert kit("data", "fetch", "far-away", "--tier", "rebuilt").returncode == 0
    hosts.drive = ""
    assert kit("data", "fetch", "far-away", "--precomputed").returncode == 0
    files = home / "data" / "raw" / "far-away"
    assert (files / "table.csv").read_bytes() == (files / "data.bin").read_bytes() == CONTENT


def test_tasks_or_all(kit: Run) -> None:
    for words in ((), ("--all", "ecg")):
        done = kit("data", "fetch", *words)
        assert done.returncode == 2
        assert "name tasks, or all of them by --all" in done.stderr


def test_what_is_imported_is_told_first(kit: Run, hosts: Hosts, tmp_path: Path) -> None:
    own = tmp_path / "data.bin"
    own.write_bytes(CONTENT)
    done = kit("data", "import", "far-away", str(own), "--link", "reference")
    first, second, last = done.stdout.splitlines()
    assert first == f"{own}: taken as data.bin (tier rebuilt; by its name)"
    assert Path(second).is_symlink()
    assert last == "complete; now 'kit data prepare far-away --tier rebuilt'"
    done = kit("data", "import", "far-away", str(own), str(tmp_path / "ID"))
    assert done.returncode == 2
    assert done.stdout == "", "all are recognised before the first is copied"


def test_data_are_checked_against_what_is_published(kit: Run) -> None:
    done = kit("data", "check", "ninapro")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert kit("data", "prepare", "ninapro", "--tier", "synthetic").returncode == 0
    done = kit("data", "check", "ninapro")
    assert done.returncode == 1
    assert "2,638" in done.stdout
    assert "DIFFERS" in done.stdout
    rows = json.loads(kit("data", "check", "ninapro", "--format", "json").stdout)
    assert {row["agrees"] for row in rows} == {True, False}


MADE = ("cifar-100", "cosmic", "deepsea", "ecg", "fsd50k", "ninapro", "psicov", "satellite")


@pytest.mark.parametrize("name", [*MADE, "spherical"])
def test_every_task_has_facts_that_its_data_can_be_asked_for(name: str) -> None:
    the_task = find(name)
    preparing.prepare(the_task, "synthetic", "smoke")
    found = list(facts(the_task, open_prepared(the_task, "synthetic", "smoke")))
    assert any(each.agrees is False for each in found), "made-up data are not the papers'"
    assert len({each.what for each in found}) == len(found)


def test_regenerated_pairs_agree_but_for_their_number(smoke_data: Path) -> None:
    the_task = find("darcy-flow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_DATA", str(smoke_data))
        data = open_prepared(the_task, "regenerated", "smoke")
        found = {each.what: each.agrees for each in facts(the_task, data)}
    assert found["values of the coefficient"]
    assert found["largest pressure on the boundary"]
    assert found["FNO's relative l2"] is None
