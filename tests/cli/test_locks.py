"""File systems without locks: one line from what needs one, and reading goes on."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.made_runs import make_run

# Read by Python before anything else: flock does what a file system without locks does.
SITE = """
import fcntl, os
def flock(handle, how):
    raise OSError({number}, os.strerror({number}))
fcntl.flock = flock
"""
WRITING = (
    "run darcy-flow wrn --profile smoke --seed 0",
    "reproduce --table 5 --task darcy-flow --profile smoke --engine local",
    "data prepare darcy-flow --tier regenerated --profile smoke",
    "data fetch ninapro",
    "report",
)
READING = (
    "status",
    "table 5",
    "list tasks",
    "results verify",
    "stop",
    "plan --table 5",
    "data list",
)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_every_command_on_a_file_system_without_locks(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, kit: Run, number: int
) -> None:
    make_run()
    (tmp_path / "sitecustomize.py").write_text(SITE.format(number=number), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    # Once each; the numbers differ in nothing else.
    commands = WRITING if number == errno.ENOLCK else WRITING[-2:]
    for command in commands:
        done = kit(*command.split())
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == 2, f"{command}: {done.stdout} {done.stderr}"
        line = done.stderr.splitlines()[-1]
        assert f"its file system has no locks ({os.strerror(number)})" in line
        assert str(home) in line
        assert "KIT_RESULTS" in line
    for command in READING if number == errno.ENOLCK else READING[:1]:
        done = kit(*command.split())
        assert done.returncode == 0, f"{command}: {done.stderr}"
    done = kit("doctor")
    assert done.returncode == 1
    assert "BAD  disk" in done.stdout
    assert "no locks" in done.stdout
