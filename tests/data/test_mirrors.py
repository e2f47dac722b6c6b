from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from kit import task
from kit.data import raw, taking
from kit.data.download import Patience
from kit.data.fetch import fetch
from kit.data.part import Part
from kit.errors import DataError
from kit.mirrors import bucket, drive, zenodo
from kit.task import Source, Task
from tests.data.hosts import BUCKET, FIGSHARE, USERCONTENT, ZENODO, Hosts, playing

CONTENT = np.random.default_rng(0).bytes(300_000)
MD5 = hashlib.md5(CONTENT).hexdigest()
HASTY = Patience(timeout=0.4, tries=2, pause=0.01, longest=0.5)
# Where the server answers: a busy machine may take its time.
CALM = Patience(timeout=30, tries=2, pause=0.01, longest=0.5)
FILE = "data.bin"
DRIVE, ZENODO_URL, OLD = drive("ID"), zenodo("1", FILE), bucket(FILE)


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosts]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with playing(ID=CONTENT) as found:
        found.files[FILE] = CONTENT
        yield found


def one(hosts: Hosts, *urls: str, md5: str | None = MD5, size: int | None = None) -> Task:
    source = Source(file=FILE, urls=tuple(map(hosts.url, urls)), md5=md5, size=size)
    return replace(task.find("darcy-flow"), sources=(source,))


def fetched(the_task: Task, *said: str) -> None:
    """Fetch the file, with these words said on the way, and nothing left beside it."""
    lines: list[str] = []
    assert [file.read_bytes() for file in fetch(the_task, patience=CALM, log=lines.append)] == [
        CONTENT
    ]
    assert len(lines) == len(said)
    assert all(word in line for word, line in zip(said, lines, strict=True))
    folder = raw.folder_of(the_task)
    assert {file.name for file in folder.iterdir()} <= {FILE, raw.ARRIVED, ".fetch.lock"}


def refused(the_task: Task, match: str) -> None:
    with pytest.raises(DataError, match=match) as caught:
        fetch(the_task, patience=HASTY)
    assert "\n" not in str(caught.value)
    assert not (raw.folder_of(the_task) / FILE).exists()


@pytest.mark.parametrize("ways", ["", "virus", "older"])
def test_drive_gives_a_file_at_once_or_by_a_form(hosts: Hosts, ways: str) -> None:
    hosts.drive = ways
    fetched(one(hosts, DRIVE))
    assert len(hosts.requests) == (2 if ways else 1)


@pytest.mark.parametrize(
    ("ways", "reason"),
    [
        ("quota", "too many downloads today; try again tomorrow"),
        ("login", "it asks to sign in"),
        ("again", "its form leads to a form again"),
        ("strange", r"a web page instead of data \('Hello'\)"),
    ],
)
def test_pages_of_drive_are_told_and_the_next_mirror_is_named(
    hosts: Hosts, ways: str, reason: str
) -> None:
    hosts.drive = ways
    refused(one(hosts, DRIVE), reason)
    fetched(
        one(hosts, DRIVE, ZENODO_URL), f"next is {hosts.url(ZENODO_URL)}: trying the next mirror"
    )


def test_a_file_that_is_gone(hosts: Hosts) -> None:
    del hosts.files["ID"]
    refused(one(hosts, DRIVE), "HTTP 404 Not Found, there is no such file any more")


def test_a_quota_page_keeps_what_came_before_it(hosts: Hosts) -> None:
    hosts.breaks, hosts.drive = 200_000, "virus"
    the_task = one(hosts, DRIVE)
    part = Part.of(raw.folder_of(the_task) / FILE)
    with pytest.raises(DataError):
        fetch(the_task, patience=Patience(timeout=0.4, tries=0))
    kept = part.size
    assert kept > 0
    hosts.drive = "quota"
    refused(the_task, "too many downloads")
    assert part.size == kept
    hosts.drive = "virus"
    hosts.requests.clear()
    fetched(the_task)
    assert hosts.asked(USERCONTENT) == [f"bytes={kept}-"] * 2, "through the form too"


@pytest.mark.parametrize("host", [ZENODO, FIGSHARE, "physionet.org", "www.openslr.org"])
def test_other_hosts_resume(hosts: Hosts, host: str) -> None:
    hosts.breaks = 200_000
    fetched(one(hosts, f"https://{host}/files/{FILE}?download=1", size=len(CONTENT)))
    assert any(span for span in hosts.asked(host))


def test_the_old_bucket_is_asked_last_and_refuses(hosts: Hosts) -> None:
    hosts.drive = "quota"
    refused(one(hosts, DRIVE, OLD), "too many downloads today.*HTTP 403 Forbidden")
    assert len(hosts.asked(BUCKET)) == 1


def test_an_md5_decides_where_it_is_known(hosts: Hosts, tmp_path: Path) -> None:
    hosts.files["ID"] = b"\0" + CONTENT[1:]
    refused(one(hosts, DRIVE), f"MD5 is [0-9a-f]{{32}} instead of {MD5}; kept as")
    the_task = one(hosts, DRIVE, ZENODO_URL)
    fetched(the_task, "MD5 is")
    assert raw.check(the_task) == {FILE: "ok"}
    own = tmp_path / FILE
    own.write_bytes(hosts.files["ID"])
    with pytest.raises(DataError, match="MD5 is"):
        taking.import_files(the_task, [own])
    (raw.folder_of(the_task) / FILE).write_bytes(own.read_bytes())
    assert raw.check(the_task) == {FILE: "hash differs"}


def test_mirrors_stand_in_their_order() -> None:
    """Drive first, the bucket that refuses last, and never one form of address for two."""
    for name in task.names():
        for source in task.find(name).sources:
            if source.tier == "rebuilt":
                continue  # the primary source is asked first
            order = [0 if USERCONTENT in url else 2 if BUCKET in url else 1 for url in source.urls]
            assert order == sorted(order), source.file
            assert len(set(source.urls)) == len(source.urls)
            assert not any("drive.google.com/uc" in url for url in source.urls), source.file


def fitting(name: str) -> bytes:
    """A small file of the form that a name promises."""
    packed = io.BytesIO()
    if name.endswith((".zip", ".npz")):
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("a", b"")
    elif name.endswith(".tar"):
        with tarfile.open(fileobj=packed, mode="w") as archive_of_tar:
            archive_of_tar.addfile(tarfile.TarInfo("a"))
    elif name.endswith(".npy"):
        np.save(packed, np.zeros(3))
    else:
        contents = {"gz": gzip.compress(b"a"), "pbz2": bz2.compress(b"a"), "mat": b"MATL\0"}
        return contents.get(name.rsplit(".", 1)[-1], b"a,b." if name.endswith("csv") else b"a.")
    return packed.getvalue()


def key(url: str) -> str:
    """What the local hosts know a file by: its identifier on Drive, else its name."""
    parts = urlsplit(url)
    return parse_qs(parts.query)["id"][0] if USERCONTENT in url else parts.path.split("/")[-1]


FETCHED = [
    (name, tier)
    for name in task.names()
    for tier in dict.fromkeys(source.tier for source in task.find(name).sources if source.urls)
]


@pytest.mark.parametrize(("name", "tier"), FETCHED)
def test_every_address_of_every_task_leads_to_its_file(name: str, tier: Any, hosts: Hosts) -> None:
    """One address at a time has the file, the others refuse; Drive asks for its form."""
    real = task.find(name)
    hosts.drive, hosts.down = "virus", {}
    for source in real.sources:
        if source.tier != tier or not source.urls:
            continue
        for url in source.urls:
            content = fitting(source.file)
            hosts.files = {key(url): content}
            plain = replace(source, urls=(url,), size=None, sha256=None, md5=None)
            the_task = hosts.local(replace(real, sources=(plain,)))
            (file,) = fetch(the_task, tier, patience=CALM)
            assert file == raw.folder_of(real) / source.file
            assert file.read_bytes() == content
            file.unlink()
