"""Packing: everything behind a paper's numbers in one zip, the same bytes for the same results."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from kit import paths, task
from kit.data.prepared import MANIFEST, Manifest, folder_of
from kit.errors import KitError
from kit.files import decode_json, replacing, sha256
from kit.results.verify import RECORDS, Verified, files_of, verify

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say
SUMS = "SHA256SUMS"
LOCKS = ("constraints.txt", "docker/*lock*")
TEXTS = (*RECORDS, ".html", ".css", ".js", ".svg", ".csv", ".md", ".tex")
CHUNK = 1 << 20

Progress = Callable[[int, int], None]


def begin(archive: Path, progress: Progress = lambda *_: None) -> Verified:
    """Verify the runs and make the archive's folder: what fails by them does before a report.

    Raises:
        KitError: no run is whole, or nothing can be written to the folder.
    """
    found = verify(paths.runs(), progress)
    if not found.whole:
        raise KitError("no whole result to pack; 'kit results verify' says why")
    archive.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(archive.parent, os.W_OK):
        raise KitError(f"{archive.parent} is no folder to write to")
    return found


def pack(
    archive: Path,
    report: Path | None,
    progress: Progress = lambda *_: None,
    found: Verified | None = None,
) -> Verified:
    """Write all valid runs, their data's manifests, the lock files and the report to a zip.

    ``SHA256SUMS`` in it is what ``sha256sum -c`` reads. Names are sorted and times fixed, so the
    same results make the same bytes.

    Args:
        archive: the file to write; it appears whole or not at all.
        report: folder of the report, or None to leave it out.
        progress: called with (done, total) files.
        found: what ``begin`` returned, which is called where there is none.

    Returns:
        What was verified; a run with a problem is not packed.

    Raises:
        KitError: as ``begin``.
    """
    found = found or begin(archive)
    files = dict(sorted(_files(found, report)))
    with (
        replacing(archive) as stream,
        zipfile.ZipFile(stream, "w", compresslevel=6) as content,
    ):
        for number, (name, file) in enumerate(files.items()):
            progress(number, len(files) + 1)
            info = _entry(name)
            info.file_size = file.stat().st_size
            with file.open("rb") as source, content.open(info, "w") as copy:
                shutil.copyfileobj(source, copy, CHUNK)
        sums = "".join(f"{sha256(file)}  {name}\n" for name, file in files.items())
        content.writestr(_entry(SUMS), sums)
    return found


def _files(found: Verified, report: Path | None) -> Iterator[tuple[str, Path]]:
    """Yield (name in the archive, file)."""
    runs = paths.runs()
    for place, result in found.whole.items():
        for file in files_of(runs / place, result):
            yield f"runs/{file.relative_to(runs).as_posix()}", file
    for manifest in _manifests(found):
        yield f"data/{manifest.relative_to(paths.data()).as_posix()}", manifest
    for lock in (file for pattern in LOCKS for file in paths.project().glob(pattern)):
        yield f"locks/{lock.relative_to(paths.project()).as_posix()}", lock
    if report is not None:
        for file in report.rglob("*"):
            if file.is_file():
                yield f"report/{file.relative_to(report).as_posix()}", file


def _manifests(found: Verified) -> Iterator[Path]:
    """Yield the manifests of the data that the runs had, as far as they are still here."""
    used = {
        (result.spec.task, result.spec.tier, result.spec.profile, result.provenance.data)
        for result in found.whole.values()
    }
    for name, tier, profile, digest in used:
        if name not in task.names():
            continue
        file = folder_of(task.find(name), tier, profile) / MANIFEST
        with suppress(OSError, msgspec.MsgspecError):
            if decode_json(file.read_bytes(), Manifest).digest == digest:
                yield file


def _entry(name: str) -> zipfile.ZipInfo:
    """Return a member for a file that anyone may read; weights do not get smaller by packing."""
    info = zipfile.ZipInfo(name, EPOCH)
    info.create_system, info.external_attr = 3, 0o100644 << 16
    text = name == SUMS or Path(name).suffix in TEXTS
    info.compress_type = zipfile.ZIP_DEFLATED if text else zipfile.ZIP_STORED
    return info
