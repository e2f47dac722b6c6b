from __future__ import annotations

import hashlib
import os
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kit import task
from kit.data import raw, taking
from kit.data.recognise import recognise
from kit.errors import DataError, KitError
from kit.task import Source, Task

CONTENT = b"the bytes of a published file" * 99
SOURCES = (
    Source(file="all.zip", instead=("all",), holds=("lists/first.lst", "*.pkl")),
    Source(file="plain.bin", md5=hashlib.md5(CONTENT).hexdigest()),
    Source(file="sized.bin", sha256=hashlib.sha256(CONTENT).hexdigest(), size=7),
    Source(file="again/all.zip", instead=("again/whole",), tier="rebuilt"),
    Source(file="other.tar", instead=("other",), holds=("*.mat",), tier="rebuilt"),
    Source(file="labels-v3.csv", instead=("labels-v2.csv",), tier="rebuilt"),
    Source(file="tables.zip", instead=("tables",), holds=("first.csv",), tier="rebuilt"),
    Source(file="few", folder=True, tier="sample"),
)
TASK = replace(task.find("darcy-flow"), sources=SOURCES)
TREE = {"lists/first.lst": b"a", "x/1.pkl": b"b"}


def file(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def folder(path: Path, content: dict[str, bytes]) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for name, each in content.items():
        file(path / name, each)
    return path


def zipped(path: Path, content: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, each in content.items():
            archive.writestr(f"top/{name}", each)
    return path


def tarred(path: Path, content: dict[str, bytes]) -> Path:
    source = folder(path.with_suffix(".d"), content)
    with tarfile.open(path, "w:gz") as archive:
        archive.add(source, "top")
    return path


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda at: file(at / "plain.bin", b"any"), ["plain.bin"]),
        (lambda at: file(at / "all.zip", b"any"), ["all.zip"]),
        (lambda at: file(at / "labels-v2.csv", b"any"), ["labels-v2.csv"]),
        (lambda at: folder(at / "few", {"any": b""}), ["few"]),
        (lambda at: folder(at / "all", {"any": b""}), ["all"]),
        (lambda at: folder(at / "whole", {"any": b""}), ["again/whole"]),
        (lambda at: folder(at / "mine", {"whole/any": b""}), ["again/whole"]),
        (lambda at: file(at / "first.csv", b""), ["tables/first.csv"]),
        (lambda at: file(at / "plain (1).bin"), ["plain.bin"]),
        (lambda at: file(at / "labels-v3 (2).csv", b""), ["labels-v3.csv"]),
        (lambda at: file(at / "labels-v2(1).csv", b""), ["labels-v2.csv"]),
        (lambda at: file(at / "first (1).csv", b""), ["tables/first.csv"]),
        (lambda at: folder(at / "few (1)", {"any": b""}), ["few"]),
        (lambda at: folder(at / "mine", {"labels-v3 (12).csv": b""}), ["labels-v3.csv"]),
        (lambda at: zipped(at / "download", TREE), ["all.zip"]),
        (lambda at: tarred(at / "mine.tgz", {"a/A1.mat": b"x"}), ["other.tar"]),
        (lambda at: folder(at / "mine", {"deep/A1.mat": b"x"}), ["other"]),
        (lambda at: folder(at / "mine", TREE), ["all"]),
        (lambda at: folder(at / "mine", {"other/A1.mat": b"x"}), ["other"]),
        (
            lambda at: folder(at / "mine", {"labels-v3.csv": b"", "deep/A1.mat": b"x"}),
            ["other", "labels-v3.csv"],
        ),
        # A folder's older labels are not taken unless they are named.
        (lambda at: folder(at / "mine", {"labels-v2.csv": b"", "A1.mat": b"x"}), ["other"]),
    ],
)
def test_what_a_file_or_folder_is(
    make: Callable[[Path], Path], wanted: list[str], tmp_path: Path
) -> None:
    found = recognise(TASK, make(tmp_path))
    assert [each.source.file for each in found] == wanted
    assert all("taken as" in str(each) and "(tier " in str(each) for each in found)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda at: at / "none", "no such file"),
        (
            lambda at: file(at / "unknown.bin", b"?"),
            "is not a raw file of darcy-flow; there is all, all.zip, few",
        ),
        (lambda at: file(at / "plain.bim", b"?"), "did you mean"),
        (lambda at: folder(at / "empty", {}), "is not a raw file of darcy-flow"),
        (lambda at: folder(at / "plain.bin", {}), "is not a raw file of darcy-flow"),
        (lambda at: zipped(at / "x.zip", {"lists/first.lst": b""}), "is not a raw file"),
        (lambda at: file(at / "cut.zip", b"PK\3\4 and no more"), "is not a raw file"),
    ],
)
def test_what_is_none_of_them(make: Callable[[Path], Path], message: str, tmp_path: Path) -> None:
    with pytest.raises(KitError, match=message) as told:
        recognise(TASK, make(tmp_path))
    assert "\n" not in str(told.value)


def test_a_name_of_two_tiers_is_of_the_better_one_unless_it_is_said(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "all.zip", TREE)
    assert [each.source.tier for each in recognise(TASK, archive)] == ["published"]
    assert [each.source.file for each in recognise(TASK, archive, "rebuilt")] == ["again/all.zip"]


def taken(path: Path, **options: Any) -> Path:
    (found,) = recognise(TASK, path)
    return taking.take(TASK, found.source, found.path, **options)


def state(name: str, the_task: Task = TASK) -> str:
    return raw.check(the_task)[name]


def test_links_and_references_take_no_room(tmp_path: Path) -> None:
    own = file(tmp_path / "plain.bin")
    for link in ("hard", "reference", "copy", "hard"):
        target = taken(own, link=link)
        assert target.read_bytes() == CONTENT
        assert target.is_symlink() == (link == "reference")
        assert (own.stat().st_nlink == 2) == (link == "hard")
        assert state("plain.bin") == "ok"
    assert own.read_bytes() == CONTENT


def test_folders_in_place_of_archives(tmp_path: Path) -> None:
    own = folder(tmp_path / "mine", TREE)
    for link in ("copy", "hard", "reference", "copy"):
        target = taken(own, link=link)
        assert target == raw.folder_of(TASK) / "all"
        assert sorted(f.name for f in target.rglob("*") if f.is_file()) == ["1.pkl", "first.lst"]
        assert state("all.zip") == "ok"
    assert [source.file for source in raw.missing(TASK)] == ["plain.bin", "sized.bin"]
    raw.pin(TASK, "published")
    assert raw.expected(TASK, replace(SOURCES[0], file="all")) == raw.digest(target)
    (target / "x/1.pkl").write_bytes(b"changed")
    assert state("all.zip") == "hash differs"
    assert (own / "x/1.pkl").read_bytes() == b"b"


def test_an_empty_folder_takes_nothings_place(tmp_path: Path) -> None:
    (found,) = recognise(TASK, folder(tmp_path / "mine", TREE))
    target = taking.take(TASK, found.source, found.path)
    nothing = tmp_path / "nothing"
    (nothing / "inside").mkdir(parents=True)
    for link in ("copy", "hard", "reference"):
        with pytest.raises(DataError, match="nothing: a folder without files"):
            taking.take(TASK, found.source, nothing, link=link)
    assert (target / "x/1.pkl").read_bytes() == b"b"


def test_a_reference_to_what_is_gone_is_told(tmp_path: Path) -> None:
    own = file(tmp_path / "plain.bin")
    taken(own, link="reference")
    own.unlink()
    assert state("plain.bin") == f"refers to {own}, which is gone"
    assert "plain.bin" in [source.file for source in raw.missing(TASK)]


def test_a_hard_link_to_another_disk_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    own = file(tmp_path / "plain.bin")
    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(DataError, match="take --link reference, or a copy"):
        taken(own, link="hard")
    assert state("plain.bin") == "missing"


@pytest.mark.parametrize("link", ["copy", "hard", "reference"])
def test_a_wrong_file_is_not_taken_in_any_way(tmp_path: Path, link: str) -> None:
    own = file(tmp_path / "plain.bin", b"something else")
    with pytest.raises(DataError, match="MD5 is"):
        taken(own, link=link)
    assert state("plain.bin") == "missing"
