"""A look at the nodes of a cluster: what each has, and whether it shares these folders.

The asking machine opens a meeting, a folder among the results with a word in it and a lock that it
holds. Every node looks at it (``probe``), and what it leaves there tells whether it sees the same
files, whether its files are seen, and whether it heeds the lock: runs are safe by their locks.
"""

from __future__ import annotations

import math
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from kit import paths
from kit.engines.devices import GIB, Gpu, gpus
from kit.errors import UnavailableError
from kit.files import decode_json, is_locked, locked, write_bytes, write_json

WORD, LOCK = "word", "lock"
# Far longer than a meeting takes to get its lock, and than clocks of shared storage differ.
SECONDS_ABANDONED = 24 * 3600.0


class NodeReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a node saw.

    Attributes:
        word: that it read in the meeting's folder; None where it did not find it.
        heeds_lock: whether it saw that the asking machine holds the lock.
        gpus: models, as many as it may look at.
        memory: bytes of the smallest of them; 0 without any.
        data: folders of prepared data, below ``KIT_DATA``.
        images: of tasks, that its Docker engine has.
        torch: version; None where it has none.
    """

    word: str | None
    heeds_lock: bool
    gpus: tuple[str, ...]
    memory: int
    data: tuple[str, ...]
    images: tuple[str, ...]
    torch: str | None


@contextmanager
def meeting() -> Iterator[Path]:
    """Yield a folder for nodes to look at, gone afterwards."""
    folder = paths.results() / "nodes" / uuid.uuid4().hex
    _remove_abandoned(folder.parent)
    write_bytes(folder / WORD, folder.name.encode())
    try:
        with locked(folder / LOCK):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # another meeting is under way
            folder.parent.rmdir()


def _remove_abandoned(meetings: Path) -> None:
    """Remove the folders of meetings whose process was killed; whoever is alive holds the lock."""
    for word in meetings.glob(f"*/{WORD}"):
        with suppress(OSError):  # another process removes it, too
            old = time.time() - word.stat().st_mtime > SECONDS_ABANDONED
            if old and not is_locked(word.parent / LOCK):
                shutil.rmtree(word.parent, ignore_errors=True)


def probe(folder: Path, name: str) -> None:
    """Tell what this node has; a node that does not see the folder writes nothing."""
    if folder.is_dir():
        write_json(folder / f"{name}.json", _here(folder))


def answer(folder: Path, name: str) -> NodeReport | None:
    """Return what a node of that name told, or None."""
    try:
        return decode_json((folder / f"{name}.json").read_bytes(), NodeReport)
    except (OSError, msgspec.MsgspecError):
        return None


def trouble(folder: Path, node: NodeReport | None, gpus: float, cluster: str) -> str | None:
    """Return why no run should go to a node, or None.

    Args:
        folder: of the meeting.
        node: what the node told there; None where it did not.
        gpus: how many the cluster says that it has.
        cluster: its name, for the message.
    """
    if node is None or node.word != folder.name:
        return f"does not share {paths.results()}; move it to shared storage by KIT_RESULTS"
    if not node.heeds_lock:
        return f"does not see the locks of other nodes in {paths.results()}; mount it with locks"
    if missing := set(prepared_data()) - set(node.data):
        return f"does not share {paths.data()}: lacks {', '.join(sorted(missing))}"
    if node.torch is None:
        return "has no torch"
    if gpus and not node.gpus:
        return f"has {gpus:g} GPUs by {cluster}'s word, and its driver shows none"
    return None


def memory(node: NodeReport | None) -> float:
    """Return how many bytes each GPU of a node has at least; infinite where nobody can tell."""
    return node.memory if node and node.gpus else math.inf


def describe(node: NodeReport) -> str:
    """Return what a node has, in a line to follow what its cluster says of it."""
    models = ", ".join(sorted(set(node.gpus))) or "no GPU shown"
    models += f", {node.memory / GIB:.3g} GiB" if node.gpus else ""
    images = ", ".join(node.images) or "none"
    return (
        f"({models}); shares results, locks and {len(node.data)} prepared data; "
        f"torch {node.torch}; Docker images: {images}"
    )


def prepared_data() -> tuple[str, ...]:
    """Return the folders of prepared data that are seen from here, as ``task/tier``."""
    found = paths.data().glob("*/*/manifest.json")
    return tuple(sorted(str(file.parent.relative_to(paths.data())) for file in found))


def _here(folder: Path) -> NodeReport:
    torch = word = None
    found: list[Gpu] = []
    with suppress(UnavailableError):  # ``trouble`` tells if the cluster says that there are some
        found = gpus()
    with suppress(PackageNotFoundError):
        torch = version("torch")
    with suppress(OSError):
        word = (folder / WORD).read_text(encoding="utf-8")
    return NodeReport(
        word=word,
        heeds_lock=is_locked(folder / LOCK),
        gpus=tuple(gpu.model for gpu in found),
        memory=min((gpu.memory for gpu in found), default=0),
        data=prepared_data(),
        images=_images(),
        torch=torch,
    )


def _images() -> tuple[str, ...]:
    try:
        from kit.containers import client, images

        return tuple(image.name for image in images.listing(client.connect()))
    except (ModuleNotFoundError, UnavailableError):
        return ()


if __name__ == "__main__":
    probe(Path(sys.argv[1]), sys.argv[2])
