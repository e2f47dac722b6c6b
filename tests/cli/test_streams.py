"""Output that cannot be written or shown: full devices, closed streams, other locales."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np
import pytest

from kit.cli import in_process, streams
from kit.cli.commands import stop
from kit.errors import plain
from tests.conftest import Run
from tests.specs import smoke_spec

KIT = f"'{sys.executable}' -m kit"


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["sh", "-c", command], capture_output=True, check=False, env={**os.environ, **environment}
    )


def gone(*words: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command whose output has no reader any more."""
    reader, number = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "kit", *words]
    done = subprocess.run(command, stdout=number, stderr=subprocess.PIPE, check=False)
    os.close(number)
    return done


@pytest.mark.parametrize(
    ("command", "code", "line"),
    [
        ("{kit} table 5 > /dev/full", 2, b"kit: output: No space left on device\n"),
        (
            "{kit} list tasks --format json > /dev/full",
            2,
            b"kit: output: No space left on device\n",
        ),
        ("{kit} nonsense 2>&-", 2, b"kit: unknown command 'nonsense'"),
        ("{kit} table 5 >&- 2>&-", 0, b""),
        ("{kit} list tasks <&- >&-", 0, b""),
        ("ulimit -f 8; {kit} report", 2, b"File too large"),
    ],
)
def test_what_cannot_be_written_is_one_line(command: str, code: int, line: bytes) -> None:
    done = shell(command.format(kit=KIT))
    said = done.stderr + done.stdout
    assert done.returncode == code, said
    assert line in said
    assert b"Traceback" not in said
    assert said.count(b"\n") <= 1


@pytest.mark.parametrize(
    ("output", "code", "line"),
    [
        ("/dev/full", 2, b"kit: output: No space left on device\n"),
        ("gone", 0, b""),
    ],
)
@pytest.mark.usefixtures("own_darcy")
def test_a_run_goes_on_where_nobody_takes_its_words(
    output: str, code: int, line: bytes, home: Path
) -> None:
    words = ("run", "darcy-flow", "constant", "--profile", "smoke", "--seed", "0")
    command = [sys.executable, "-m", "kit", *words]
    if output == "gone":
        reader, number = os.pipe()
        os.close(reader)
    else:
        number = os.open(output, os.O_WRONLY)
    done = subprocess.run(command, stdout=number, stderr=subprocess.PIPE, check=False)
    os.close(number)
    assert (done.returncode, done.stderr) == (code, line)
    runs = home / "results" / "runs" / "darcy-flow" / "constant" / "smoke-released"
    assert len(list(runs.glob("*/result.json"))) == 1


def test_a_task_is_made_where_nobody_takes_the_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_TASKS", str(tmp_path / "tasks"))
    (tmp_path / "tasks").mkdir()
    np.savez(tmp_path / "a.npz", x=np.random.default_rng(0).normal(size=(40, 3)), y=[0, 1] * 20)
    done = gone("new", "task", "mine", "--from", str(tmp_path / "a.npz"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "tasks" / "mine" / "task.py").is_file()


def test_all_of_several_runs_are_stopped_where_nobody_takes_the_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: str, err: bool) -> None:
        raise BrokenPipeError

    def end(run: Path) -> bool:
        stopped.append(run)
        return True

    stopped: list[Path] = []
    monkeypatch.setattr("click.echo", broken)
    monkeypatch.setattr("kit.runs.find.find", lambda _: [Path("a"), Path("b")])
    monkeypatch.setattr("kit.engines.stop.stop_run", end)
    with pytest.raises(BrokenPipeError):
        stop.command.callback("darcy-flow")  # type: ignore[misc]
    assert stopped == [Path("a"), Path("b")]


def test_a_run_that_failed_has_failed_whoever_reads_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(in_process, "_execute", lambda *_, **__: ([], ["failed"]))
    monkeypatch.setattr(click, "echo", gone)
    with pytest.raises(click.exceptions.Exit):
        in_process.run([smoke_spec("constant")], planned=True, device="cpu", form="json")
    monkeypatch.setattr(in_process, "_execute", lambda *_, **__: ([], []))
    with pytest.raises(BrokenPipeError):
        in_process.run([smoke_spec("constant")], planned=True, device="cpu", form="json")


def test_a_reader_that_is_gone_is_no_failed_run() -> None:
    done = gone("list", "tasks")
    assert (done.returncode, done.stderr) == (0, b"")


FULL = "[Errno 28] No space left on device: "


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (shutil.Error([("/a", "/b", f"{FULL}'/a' -> '/b'")]), "/b: No space left on device"),
        (shutil.Error([("/a", "/b'", f'{FULL}"/b\'"')]), "/b': No space left on device"),
        (shutil.Error([("/a", "/b", "[Errno 13] no: '/a'")]), "/a: no"),
        (OSError(28, "full", "/a", None, "/b"), "/b: full"),
        (OSError(28, "full", "/a"), "/a: full"),
        (OSError(28, "full"), "output: full"),
    ],
)
def test_what_is_refused_names_the_file_that_was_written(error: OSError, line: str) -> None:
    assert streams.refusal(error) == line


LOCALES = {
    "latin": {"PYTHONIOENCODING": "iso-8859-1"},
    "gbk": {"PYTHONIOENCODING": "gbk"},
    "japanese": {"PYTHONIOENCODING": "euc-jp"},
    "c": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


@pytest.mark.parametrize("name", LOCALES)
@pytest.mark.parametrize("command", ["table 5", "list methods", "--help", "doctor"])
def test_what_a_terminal_does_not_have_is_replaced(name: str, command: str) -> None:
    environment: Mapping[str, str] = LOCALES[name]
    done = shell(f"{KIT} {command}", **environment)
    assert b"Traceback" not in done.stderr
    assert done.returncode in (0, 1)
    assert done.stdout


def test_messages_tell_the_terminal_nothing(home: Path, kit: Run) -> None:
    run = (
        home / "results" / "runs" / "darcy-flow" / "w\x1b[31mn" / "smoke-clean" / "seed-0-abcdef01"
    )
    run.mkdir(parents=True)
    status = {"state": "failed", "heartbeat": "2026-01-01T00:00:00Z", "pid": 1, "failure": "method"}
    none = dict.fromkeys(("stage", "epoch", "epochs", "loss"))
    message = {"message": "\x1b[2J\x1b]0;owned\x07 [/] 5 %\n"}
    (run / "status.json").write_text(json.dumps(status | none | message), encoding="utf-8")
    done = kit("status")
    assert done.returncode == 0, done.stderr
    assert "\\x1b[2J\\x1b]0;owned\\x07 [/] 5 %" in done.stdout
    assert not {sign for sign in done.stdout if ord(sign) < 32} - {"\n"}


@pytest.mark.usefixtures("counted")
def test_folders_of_others_below_runs_are_passed_over(home: Path, kit: Run) -> None:
    runs = home / "results" / "runs"
    for name in ("seed-x-y", "seed-1", "seed-1-zz", "seed--1-abc", "seed-1-2-3"):
        (runs / "a" / "b" / "c" / name).mkdir(parents=True)
    (runs / "a" / "b" / "c" / "seed-7-abcdef01").touch()
    (runs / "a" / "b" / "d").touch()
    nested = runs / "a" / "b" / "e" / "seed-1-abcdef01"
    nested.mkdir(parents=True)
    for name in ("spec", "status", "engine", "result"):
        (nested / f"{name}.json").write_text("[" * 100_000, encoding="utf-8")
    sweeps = home / "results" / "sweeps"
    sweeps.mkdir()
    for name in ("notes.json", "7.json", ".x.tmp"):
        (sweeps / name).write_text("[" * 100_000, encoding="utf-8")
    for command in ("status", "status --format json", "table 5", "report", "stop"):
        done = kit(*command.split())
        assert done.returncode == 0, f"{command}: {done.stderr}"
        assert "Traceback" not in done.stderr


def test_a_link_that_leads_nowhere_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kit: Run
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for name in ("link", "link/below"):
        monkeypatch.setenv("KIT_RESULTS", str(tmp_path / name))
        done = kit("status")
        assert done.returncode == 2
        assert (
            done.stderr
            == f"kit: KIT_RESULTS: {tmp_path}/link leads to {tmp_path}/gone, which is not there\n"
        )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n  b\tc", "a b c"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("bell\x07 \x9b31m", "bell\\x07 \\x9b31m"),
        ("‮turned", "\\u202eturned"),
        ("0.05±0.01 ℓ₂ Müller 数", "0.05±0.01 ℓ₂ Müller 数"),
    ],
)
def test_plain(text: str, shown: str) -> None:
    assert plain(text) == shown
