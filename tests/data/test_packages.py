"""Packages by stand-in clients on the PATH, which leave what the real ones would leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit import task
from kit.data import packages, raw
from kit.data.fetch import fetch
from kit.data.refusals import DownloadError
from kit.errors import DataError
from kit.task import Source

APT = """#!/bin/sh
for last; do :; done
case "$*" in
    */lists*update*) touch updated; exit ;;
    *unlisted) test -f updated || { echo "E: no lists" >&2; exit 100; } ;;
    *held-back) echo "E: no such package" >&2; exit 100 ;;
esac
touch "${last}_1.0_all.deb"
"""
DPKG = """#!/bin/sh
mkdir -p usr/share/datasets/fashion-mnist
echo one > usr/share/datasets/fashion-mnist/train.gz
"""


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (("apt-get", APT), ("dpkg-deb", DPKG)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


@pytest.mark.usefixtures("clients")
def test_a_folder_of_a_debian_package_becomes_a_raw_folder() -> None:
    found = task.find("sequential-mnist")
    (folder,) = fetch(found, "sample")
    assert (folder / "train.gz").read_text() == "one\n"
    assert raw.check(found)["fashion-mnist"] == "ok"
    (folder / "train.gz").write_text("two")
    assert raw.check(found)["fashion-mnist"] == "hash differs"


@pytest.mark.usefixtures("clients")
def test_what_a_client_says_is_told(tmp_path: Path) -> None:
    held = Source(file="x", folder=True, package="debian:held-back")
    with pytest.raises(DownloadError, match="apt-get failed: E: no such package"):
        packages.obtain(held, tmp_path)
    other = Source(file="other", folder=True, package="debian:there")
    with pytest.raises(DownloadError, match="holds no other"):
        packages.obtain(other, tmp_path)
    with pytest.raises(DownloadError, match="of no known kind"):
        packages.obtain(Source(file="x", package="cran:x"), tmp_path)


@pytest.mark.usefixtures("clients")
def test_without_lists_of_packages_they_are_fetched_first(tmp_path: Path) -> None:
    """As in an image, where there are none."""
    unlisted = Source(file="fashion-mnist", folder=True, package="debian:unlisted")
    assert (packages.obtain(unlisted, tmp_path) / "train.gz").exists()


def test_without_the_client_the_way_by_hand_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DataError, match=r"apt-get is not on this machine.*kit data import"):
        fetch(task.find("sequential-mnist"), "sample")
