from __future__ import annotations

import io
import stat
import tarfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.data.archives import members, unpack
from kit.errors import DataError

FILES = {
    "chunks/lbl_map.json": b'{"Bark": 0}',
    "chunks/clip 1.wav": np.random.default_rng(0).bytes(70_000),
    "./empty.csv": b"",
}
TARS = {"plain": "w", "gz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}


def make_zip(file: Path, files: dict[str, bytes], mode: int = 0) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return file


def make_tar(file: Path, files: dict[str, bytes], mode: Any = "w", **attributes: object) -> Path:
    with tarfile.open(str(file), mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in attributes.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content))
    return file


def tree(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def refused(archive: Path, match: str, limit: int = 10**9) -> None:
    """Nothing may be left behind, neither at the target nor beside it."""
    target = archive.parent / "out" / "target"
    with pytest.raises(DataError, match=match) as caught:
        unpack(archive, target, limit=limit)
    assert archive.name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list((archive.parent / "out").iterdir())
    assert not (archive.parent / "evil").exists()


@pytest.mark.parametrize("kind", ["zip", *TARS])
def test_good_archives(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "data"
    archive = make_zip(file, FILES) if kind == "zip" else make_tar(file, FILES, TARS[kind])
    shown: list[tuple[int, int]] = []
    target = unpack(archive, tmp_path / "t", progress=lambda *each: shown.append(each))
    assert tree(target) == {name.removeprefix("./"): content for name, content in FILES.items()}
    assert shown[-1][0] <= shown[-1][1]
    assert {name: stream.read() for name, stream in members(archive)} == FILES
    assert {name for name, _ in members(archive, wanted=lambda name: name.endswith("wav"))} == {
        "chunks/clip 1.wav"
    }


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", FILES)
    (tmp_path / "target").mkdir()
    assert tree(unpack(archive, tmp_path / "target")) == {}


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("../evil", r"leads out of the folder"),
        ("a/../../evil", r"leads out of the folder"),
        ("a\\..\\..\\evil", r"leads out of the folder"),
        ("/tmp/evil", "absolute name"),
        ("C:\\evil", "absolute name"),
        ("x" * 300, "too long"),
    ],
)
def test_names_that_leave_the_target(tmp_path: Path, name: str, match: str) -> None:
    files = {"good": b"1", name: b"2"}
    refused(make_zip(tmp_path / "a.zip", files), match)
    refused(make_tar(tmp_path / "a.tar", files), match)


@pytest.mark.parametrize(
    ("kind", "match"),
    [
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.LNKTYPE, "hard link"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.FIFOTYPE, "pipe"),
    ],
)
def test_tar_members_that_are_no_files(tmp_path: Path, kind: bytes, match: str) -> None:
    archive = make_tar(tmp_path / "a.tar.gz", {"evil": b""}, "w:gz", type=kind, linkname="../evil")
    refused(archive, f"'evil' is a {match}")


def test_a_file_behind_a_link_is_not_written_through_it(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("folder")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(link)
        inside = tarfile.TarInfo("folder/evil")
        inside.size = 1
        archive.addfile(inside, io.BytesIO(b"1"))
    refused(tmp_path / "a.tar", "symbolic link")


def test_zip_members_that_are_no_files(tmp_path: Path) -> None:
    link = make_zip(tmp_path / "a.zip", {"evil": b"/etc/passwd"}, stat.S_IFLNK | 0o777)
    refused(link, "'evil' is a symbolic link")
    refused(make_zip(tmp_path / "b.zip", {"evil": b""}, stat.S_IFCHR), "is a device")


def test_encrypted_zip(tmp_path: Path) -> None:
    file = make_zip(tmp_path / "a.zip", {"secret": b"1"})
    content = bytearray(file.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    file.write_bytes(content)
    refused(file, "'secret' is encrypted")


@pytest.mark.parametrize("kind", ["zip", *TARS])
def test_bombs(tmp_path: Path, kind: str) -> None:
    files = {"small": b"1", "zeros": bytes(3_000_000)}
    file = tmp_path / "bomb"
    archive = make_zip(file, files) if kind == "zip" else make_tar(file, files, TARS[kind])
    refused(archive, r"'zeros'.*beyond the limit", limit=2_000_000)
    assert len(tree(unpack(archive, tmp_path / "enough", limit=3_000_001))) == 2


@pytest.mark.parametrize("kind", ["zip", *TARS])
def test_truncation_anywhere(tmp_path: Path, kind: str) -> None:
    files = {"a": np.random.default_rng(1).bytes(1500), "b": b"2" * 600, "c": b""}
    file = tmp_path / "cut"
    archive = make_zip(file, files) if kind == "zip" else make_tar(file, files, TARS[kind])
    whole = archive.read_bytes()
    # A plain tar ends in zeros: its records are padded to 10,240 bytes, which may go.
    end = 512 * 7 if kind == "plain" else len(whole) - 1
    for size in (*range(0, end, 97), *range(0, end, 512), end):
        archive.write_bytes(whole[:size])
        refused(archive, "truncated or damaged|cannot be unpacked")


def test_damage_inside(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", FILES)
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    refused(archive, r"'chunks/clip 1\.wav': truncated or damaged")
    packed = make_tar(tmp_path / "a.tar.gz", FILES, "w:gz")
    content = bytearray(packed.read_bytes())
    content[-6] ^= 1
    packed.write_bytes(content)
    refused(packed, "truncated or damaged")
    plain = make_tar(tmp_path / "a.tar", FILES)
    content = bytearray(plain.read_bytes())
    content[512 * 2 + 5] ^= 1
    plain.write_bytes(content)
    refused(plain, "truncated or damaged")


def test_contradicting_and_absent(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        refused(make_zip(tmp_path / "a.zip", {"a": b"1", "a/b": b"2"}), r"'a/b'")
    with pytest.raises(DataError, match="no such file"):
        unpack(tmp_path / "absent.zip", tmp_path / "target")
    page = tmp_path / "page.zip"
    page.write_bytes(b"<!doctype html><p>Sign in")
    refused(page, "truncated or damaged")
