"""docker/requirements.lock: every file by its hash, at the versions of constraints.txt."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from kit import paths
from tests import pins

ROOT = paths.project()
LOCKED = dict(pins.packages(pins.LOCK.read_text(encoding="utf-8")))


def named(name: str) -> str:
    return name.lower().replace("_", "-")


def test_versions_are_those_that_all_else_is_run_with() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {named(line.partition("==")[0]): line.partition("==")[2] for line in lines}
    for name, text in LOCKED.items():
        version = re.match(r"\S+==(\S+)", text)
        assert version is not None
        # What is for another system alone is in no constraints made on Linux.
        if "sys_platform == 'win32'" not in text:
            assert version[1] == pinned[name], f"{name}: 'make pins' writes the file"
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", text), name


def test_all_that_the_kit_asks_for_is_there_but_torch() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {named(re.split(r"[<>=,;\[]", each)[0]) for each in project["dependencies"]}
    assert asked - set(LOCKED) == {"torch"}
    assert {"markupsafe", "requests", "sympy"} <= set(LOCKED), "and what these ask for"


def test_pip_refuses_what_differs_by_a_byte(tmp_path: Path) -> None:
    """The file is in the form that turns on pip's checks, for what dependencies ask for, too."""
    wheel = tmp_path / "click-8.5.1-py3-none-any.whl"
    wheel.write_bytes(b"another one")
    (tmp_path / "lock").write_text(LOCKED["click"])
    words = ["-m", "pip", "install", "--no-index", "--find-links", str(tmp_path), "--dry-run"]
    words += ["--ignore-installed", "--target", str(tmp_path / "to"), "-r", str(tmp_path / "lock")]
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_images_install_by_it() -> None:
    script = (ROOT / "docker" / "install-packages").read_text(encoding="utf-8")
    assert "--require-hashes -r /requirements.lock" in script
    build = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    assert "source=docker/requirements.lock,target=/requirements.lock" in build
