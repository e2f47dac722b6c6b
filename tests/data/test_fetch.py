from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit import task
from kit.data import raw, taking
from kit.data.download import Patience, Progress
from kit.data.fetch import clean, fetch
from kit.data.part import Part
from kit.errors import DataError, KitError
from kit.files import locked
from kit.task import Source, Task
from tests.conftest import Run
from tests.data.server import Server, serving

CONTENT = np.random.default_rng(0).bytes(700_000)
HASH = hashlib.sha256(CONTENT).hexdigest()
HASTY = Patience(timeout=0.4, tries=2, pause=0.01, longest=0.5)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(CONTENT) as found:
        yield found


def with_sources(*sources: Source) -> Task:
    return replace(task.find("darcy-flow"), sources=sources)


def one(*urls: str, **facts: Any) -> Task:
    return with_sources(Source(file="data.bin", urls=urls, **facts))


def folder(the_task: Task) -> Path:
    return raw.folder_of(the_task)


def left(the_task: Task) -> list[str]:
    """What lies in the raw folder, the two files for order aside."""
    files = {file.name for file in folder(the_task).iterdir()}
    return sorted(files - {".fetch.lock", raw.ARRIVED})


def fetched(the_task: Task, **options: Any) -> None:
    """Fetch the one file, whole, with nothing beside it."""
    assert [file.read_bytes() for file in fetch(the_task, patience=HASTY, **options)] == [CONTENT]
    assert left(the_task) == ["data.bin"]
    assert raw.check(the_task) == {"data.bin": "ok"}


def refused(the_task: Task, match: str) -> None:
    """Nothing may lie at the final path, and one line tells why."""
    with pytest.raises(DataError, match=match) as caught:
        fetch(the_task, patience=HASTY)
    assert "kit data import darcy-flow PATH..." in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (folder(the_task) / "data.bin").exists()


@pytest.mark.parametrize("path", ["good", "range", "redirect/good", "redirect/redirect/range"])
def test_good_servers(server: Server, path: str) -> None:
    shown: list[tuple[int, int]] = []

    @contextmanager
    def show(name: str) -> Iterator[Progress]:
        assert name == "data.bin"
        yield lambda done, total: shown.append((done, total))

    fetched(one(server.url(path), sha256=HASH, size=len(CONTENT)), show=show)
    assert shown[-1] == (len(CONTENT), len(CONTENT))
    assert 0 < shown[0][0] < len(CONTENT), "there is progress on the way"


def test_what_is_there_is_not_fetched_again(server: Server) -> None:
    the_task = one(server.url("good"))
    fetched(the_task)
    assert fetch(the_task) == []
    assert fetch(the_task, offline=True) == []
    assert server.count("good") == 1


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("status/403", "HTTP 403 Forbidden"),
        ("status/404", "HTTP 404 Not Found"),
        ("status/410", "HTTP 410 Gone"),
        ("status/500", r"HTTP 500 .*2 tries"),
        ("status/429", r"HTTP 429 .*2 tries"),
        ("busy/3600", r"HTTP 429 Too Many Requests, to be tried again in 3600 s"),
        ("page", "a web page instead of data"),
        ("corrupt", "SHA-256 is [0-9a-f]{64} instead of"),
        ("truncate", r"the connection broke after 327680 bytes \(2 tries\)"),
        ("loop", "redirects without end"),
        ("silent", r"no answer in time \(2 tries\)"),
        ("liar", "at another place"),
    ],
)
def test_bad_mirrors_are_told_and_passed_over(server: Server, path: str, reason: str) -> None:
    bad, good = server.url(path), server.url("good")
    facts: dict[str, Any] = {"sha256": HASH, "size": len(CONTENT)}
    refused(one(bad, **facts), reason)
    logged: list[str] = []
    fetched(one(bad, good, **facts), log=logged.append)
    assert len(logged) == 1
    assert logged[0].startswith(f"{bad}: ")
    assert logged[0].endswith("trying the next mirror")


def test_a_wrong_file_is_kept_aside_until_there_is_a_right_one(server: Server) -> None:
    wrong = one(server.url("corrupt"), sha256=HASH, size=len(CONTENT))
    aside = folder(wrong) / "data.bin.rejected"
    refused(wrong, f"SHA-256 is [0-9a-f]{{64}} instead of {HASH}; kept as {re.escape(str(aside))}")
    assert left(wrong) == ["data.bin.rejected"]
    assert aside.read_bytes() == b"\0" + CONTENT[1:]
    assert raw.check(wrong) == {"data.bin": "missing"}
    fetched(one(server.url("corrupt"), server.url("good"), sha256=HASH))


def test_what_is_rejected_or_half_there_can_be_removed(server: Server, kit: Run) -> None:
    wrong = one(server.url("corrupt"), sha256=HASH)
    assert clean(wrong) == []
    refused(wrong, "kept as")
    part = folder(wrong) / ".data.bin.part"
    part.write_bytes(b"begun")
    with locked(folder(wrong) / ".fetch.lock"), pytest.raises(KitError, match="another process"):
        clean(wrong)
    assert clean(wrong) == [raw.aside(wrong, wrong.sources[0]), part]
    assert left(wrong) == []
    aside = raw.aside(wrong, task.find("darcy-flow").sources[0])
    aside.touch()
    assert kit("data", "clean", "darcy-flow").stdout == f"removed {aside}\n"


def test_copies_of_an_import_that_was_killed_can_be_removed(kit: Run) -> None:
    the_task = one("http://127.0.0.1/nowhere")
    folder(the_task).mkdir(parents=True)
    copied, unpacked = (folder(the_task) / f".data.bin.{end}" for end in ("0a1b2c3d.tmp", "new"))
    copied.write_bytes(b"half")
    unpacked.mkdir()
    (unpacked / "a").write_bytes(b"half")
    (folder(the_task) / "data.bin").write_bytes(CONTENT)
    assert clean(the_task) == [unpacked, copied]
    assert left(the_task) == ["data.bin"]
    own = folder(the_task).with_name(task.find(the_task.name).sources[0].file)
    own.write_bytes(b"")
    with locked(folder(the_task) / ".fetch.lock"):
        told = kit("data", "import", the_task.name, str(own))
    assert (told.returncode, "another process" in told.stderr) == (75, True)


def test_all_mirrors_dead_names_each(server: Server) -> None:
    urls = [server.url("status/403"), server.url("page"), "ftp://127.0.0.1/x"]
    reasons = ["HTTP 403", "a web page", "not an http address"]
    refused(one(*urls), ".*".join(f"{u}: {r}" for u, r in zip(urls, reasons, strict=True)))


def test_dead_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    refused(one("http://no-such-host.invalid/x"), r"cannot connect \(2 tries\)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        refused(one(f"http://127.0.0.1:{free.getsockname()[1]}/x"), r"cannot connect \(2 tries\)")


def test_a_page_is_refused_whatever_is_known_of_the_file(server: Server) -> None:
    refused(one(server.url("page")), "a web page instead of data")
    refused(one(server.url("page"), size=5), "a web page instead of data")
    assert left(one()) == ["data.bin.rejected"]


def test_another_size_is_refused_before_the_download(server: Server) -> None:
    refused(one(server.url("good"), size=9), "700000 bytes instead of 9")
    assert left(one()) in ([], [".data.bin.part"])
    assert Part.of(folder(one()) / "data.bin").size == 0


def test_one_dead_file_does_not_keep_the_others(server: Server) -> None:
    dead = Source(file="a.bin", urls=(server.url("status/404"),))
    none = Source(file="b.bin")
    good = Source(file="data.bin", urls=(server.url("good"),))
    with pytest.raises(DataError, match=r"a\.bin: .*404.*; b\.bin: no address is known"):
        fetch(with_sources(dead, none, good), patience=HASTY)
    assert (folder(one()) / "data.bin").read_bytes() == CONTENT


def test_no_address_is_told() -> None:
    refused(one(), "data.bin: no address is known")


def test_busy_servers_are_waited_for(server: Server) -> None:
    fetched(one(server.url("busy/0"), sha256=HASH))
    assert server.count("busy/0") == 2


def test_broken_connections_are_resumed(server: Server) -> None:
    fetched(one(server.url("flaky"), sha256=HASH))
    # A third of the file at a time, of which whole chunks are kept: 3 of 65,536 bytes.
    starts = [0, 196_608, 393_216, 589_824]
    assert [asked for _, asked in server.requests] == [None] + [f"bytes={n}-" for n in starts[1:]]


def interrupted(server: Server, the_task: Task, keep: bytes) -> None:
    """Leave what an interrupted session leaves."""
    refused(the_task, "broke")
    part = Part.of(folder(the_task) / "data.bin")
    part.path.write_bytes(keep)
    assert left(the_task) == [".data.bin.part", ".data.bin.part.json"]
    server.requests.clear()


def test_an_interrupted_session_is_resumed(server: Server) -> None:
    # Ranges are known to the server behind the same address from now on.
    truncated = one(server.url("truncate"), sha256=HASH)
    interrupted(server, truncated, CONTENT[:1000])
    note = folder(truncated) / ".data.bin.part.json"
    ranged = one(server.url("range"), sha256=HASH)
    note.write_text(json.dumps(json.loads(note.read_text()) | {"url": server.url("range")}))
    fetched(ranged)
    assert server.requests == [("/range", "bytes=1000-")]


def _noted(server: Server, keep: bytes, mark: str | None = None) -> Task:
    """Bytes of ``/range`` that an earlier session left."""
    the_task = one(server.url("range"), sha256=HASH)
    interrupted(server, one(server.url("truncate")), keep)
    note = {"url": server.url("range"), "mark": mark, "total": len(CONTENT)}
    (folder(the_task) / ".data.bin.part.json").write_text(json.dumps(note))
    return the_task


def test_a_file_that_changed_on_the_server_begins_anew(server: Server) -> None:
    the_task = _noted(server, b"of another file", mark='"before"')
    fetched(the_task)
    assert len(server.requests) == 1, "the server tells by the tag that its file is another one"


def test_damaged_bytes_of_an_earlier_session_begin_anew(server: Server) -> None:
    fetched(_noted(server, b"damaged"))
    assert [asked for _, asked in server.requests] == ["bytes=7-", None]


def test_a_part_that_is_whole_is_not_fetched_again(server: Server) -> None:
    fetched(_noted(server, CONTENT))
    assert server.requests == []


def test_a_part_beyond_the_end_begins_anew(server: Server) -> None:
    fetched(_noted(server, CONTENT + b"more"))


def test_a_part_of_another_mirror_waits_for_something_better(server: Server) -> None:
    the_task = _noted(server, CONTENT[:1000])
    both = one(server.url("status/404"), server.url("range"), sha256=HASH)
    assert the_task.name == both.name
    fetched(both)
    assert server.requests[-1] == ("/range", "bytes=1000-")


def test_a_server_without_ranges_begins_anew(server: Server) -> None:
    the_task = one(server.url("good"), sha256=HASH)
    interrupted(server, one(server.url("truncate")), b"x" * 1000)
    note = {"url": server.url("good"), "mark": None, "total": None}
    (folder(the_task) / ".data.bin.part.json").write_text(json.dumps(note))
    fetched(the_task)
    assert server.requests == [("/good", "bytes=1000-")]


def test_unknown_hashes_are_pinned_once_data_were_prepared(server: Server) -> None:
    the_task = one(server.url("corrupt"), server.url("good"))
    (file,) = fetch(the_task)
    assert file.read_bytes() != CONTENT, "nothing is known of the file yet"
    file.unlink()
    (again,) = fetch(one(server.url("good")))
    assert again.read_bytes() == CONTENT, "a file that nothing was made from is in nobody's way"
    raw.pin(the_task, "published")
    again.write_bytes(b"other")
    assert raw.check(the_task) == {"data.bin": "hash differs"}
    again.unlink()
    refused(one(server.url("corrupt")), "data were prepared from .* 'kit data clean darcy-flow'")
    assert clean(the_task)
    assert fetch(one(server.url("corrupt")))


def test_a_file_put_there_by_hand_is_recorded_when_first_checked() -> None:
    the_task = one()
    folder(the_task).mkdir(parents=True)
    file = folder(the_task) / "data.bin"
    file.write_bytes(b"first")
    assert raw.check(the_task) == {"data.bin": "ok"}
    file.write_bytes(b"other")
    assert raw.check(the_task) == {"data.bin": "hash differs"}
    assert raw.check(one(size=9)) == {"data.bin": "size differs"}
    (folder(the_task) / raw.ARRIVED).write_text("{")
    with pytest.raises(DataError, match=r"arrived\.json: .*remove it"):
        raw.check(the_task)


def test_an_imported_page_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "data.bin"
    page.write_bytes(b"\xef\xbb\xbf\n<HTML>Sign in")
    with pytest.raises(DataError, match="a web page instead of data"):
        taking.import_files(one(size=9), [page])


def test_offline_fails_before_anything_starts(server: Server, kit: Run) -> None:
    the_task = one(server.url("good"))
    with pytest.raises(DataError, match=r"darcy-flow: offline, and missing data\.bin; .*import"):
        fetch(the_task, offline=True)
    assert server.requests == []
    assert not folder(the_task).exists()
    done = kit("data", "fetch", "darcy-flow", "--offline")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "missing piececonst_r421_N1024_smooth1.mat, piececonst" in done.stderr


def test_one_process_at_a_time_and_a_tier_that_is_there(server: Server) -> None:
    the_task = one(server.url("good"))
    with locked(folder(the_task) / ".fetch.lock"), pytest.raises(KitError, match="another process"):
        fetch(the_task)
    with pytest.raises(KitError, match="no sample data"):
        fetch(the_task, "sample")


def test_a_folder_that_cannot_be_written(server: Server, home: Path) -> None:
    (home / "data").parent.mkdir(parents=True, exist_ok=True)
    (home / "data").write_bytes(b"a file where the folder should be")
    with pytest.raises(DataError, match="Not a directory"):
        fetch(one(server.url("good")))


TASK = """
from kit.task import Source, Task

TASK = Task(
    name="far-away", title="Far away", dims=1, sample_shape=(1, 2), outputs=2, kind="point",
    loss="cross-entropy", metrics=("zero-one-error",), unit="sample", version=1, licence="none",
    citation="made up", tiers=("published",), sources=(Source(file="data.bin", urls={urls!r}),),
)
"""


def test_the_command_fetches_and_survives_an_end_at_any_time(
    server: Server, kit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    tasks = tmp_path / "tasks" / "far_away"
    tasks.mkdir(parents=True)
    (tasks / "prepare.py").write_text("")
    monkeypatch.setenv("KIT_TASKS", str(tasks.parent))
    (tasks / "task.py").write_text(TASK.format(urls=(server.url("silent"),)))
    words = [sys.executable, "-m", "kit", "data", "fetch", "far-away"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, env=os.environ) as process:
        until = time.monotonic() + 30
        while not server.requests and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    raw_folder = home / "data" / "raw" / "far-away"
    assert not (raw_folder / "data.bin").exists()
    (tasks / "task.py").write_text(TASK.format(urls=(server.url("page"), server.url("good"))))
    done = kit("data", "fetch", "far-away")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert "trying the next mirror" in done.stderr
    assert "kit data prepare far-away" in done.stdout
    assert (raw_folder / "data.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("stated", ["abc", "-5", "1e3"])
def test_a_length_that_is_no_number_is_passed_over(server: Server, stated: str) -> None:
    (file,) = fetch(one(server.url(f"length/{stated}")))
    assert file.read_bytes() == CONTENT
