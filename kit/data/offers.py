"""What can be had of a task's data and how: files, addresses, size, licence, and its worth."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from kit.data import raw
from kit.spec import Tier
from kit.task import Holding, Source, Task

UNTRIED = (
    "addresses are from public repositories, and were not tried by us; "
    "'kit data list --probe' tests them"
)
GB, MB = 1e9, 1e6


@dataclass(frozen=True)
class Offer:
    """One tier of a task, as something to be had.

    Attributes:
        missing: raw files that are not there yet.
        bytes: of the missing ones together, as far as sizes are known.
        unsized: how many of the missing ones have no known size.
        hosts: that have the missing ones, in the order in which they are asked.
        verdict: what a number measured on this tier can be judged by.
    """

    task: Task
    tier: Holding
    missing: tuple[Source, ...]
    bytes: int
    unsized: int
    hosts: tuple[str, ...]
    verdict: str

    @property
    def fetchable(self) -> bool:
        """Tell whether somebody has at least one of the missing files."""
        return bool(self.hosts)

    @property
    def size(self) -> str:
        """Return the size of what is missing, in words."""
        if not self.missing:
            return "nothing to fetch"
        plural = "" if self.unsized == 1 else "s"
        unsized = [f"{self.unsized} file{plural} of unknown size"] if self.unsized else []
        words = f"{self.bytes / GB:.2f} GB" if self.bytes > GB / 10 else f"{self.bytes / MB:.1f} MB"
        sized = [words] if self.bytes else []
        return " and ".join(sized + unsized)

    @property
    def origin(self) -> str:
        """Return where the missing files come from, in words."""
        return ", ".join(self.hosts) or ("your own copy" if self.missing else "here")


def offer(task: Task, tier: Holding) -> Offer:
    """Return what is to be had of a tier."""
    missing = tuple(raw.missing(task, tier))
    sizes = [source.size or source.roughly for source in missing]
    hosts = [host for source in missing for host in hosts_of(source)]
    return Offer(
        task=task,
        tier=tier,
        missing=missing,
        bytes=sum(size or 0 for size in sizes),
        unsized=sizes.count(None),
        hosts=tuple(dict.fromkeys(hosts)),
        verdict=_verdict(task, tier),
    )


def hosts_of(source: Source) -> list[str]:
    """Return the hosts, or the package index, that have a raw file."""
    hosts = [urlsplit(url).hostname or url for url in source.urls]
    return [*dict.fromkeys(hosts), *([source.package] if source.package else [])]


def others(task: Task, tier: Holding) -> list[Tier]:
    """Return the other tiers of a task that stand for the published one and can be fetched."""
    stand = [each for each in task.tiers if each in ("published", "rebuilt") and each != tier]
    return [each for each in stand if offer(task, each).fetchable]


def _verdict(task: Task, tier: Holding) -> str:
    if tier == "published":
        return "yes"
    if tier == "rebuilt" and task.provable:
        return "where its hashes are the papers'"
    made = tier in ("regenerated", "synthetic")
    return "none: made here" if made else "none: not the papers' files"
