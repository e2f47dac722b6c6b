"""The tiers of a task's data as offers: missing files, hosts, size and how results are judged."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from kit.columns import plural, size
from kit.data import raw
from kit.spec import Tier
from kit.task import Holding, Source, Task

UNTRIED = (
    "addresses are from public repositories, and were not tried by us; "
    "'kit data list --probe' tests them"
)


@dataclass(frozen=True)
class Offer:
    """One tier of a task's data, and what is missing to prepare it.

    Attributes:
        missing: raw files that are missing here.
        bytes: total size of the missing files whose size is known.
        unsized: number of missing files whose size is unknown.
        hosts: hosts of the missing files, in the order in which they are tried.
        verdict: whether results on this tier can be compared with those of the papers, in words.
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
        """Whether at least one of the missing files has an address or a package."""
        return bool(self.hosts)

    @property
    def size(self) -> str:
        """The size of the missing files, in words."""
        if not self.missing:
            return "nothing to fetch"
        unsized = [f"{plural(self.unsized, 'file')} of unknown size"] if self.unsized else []
        sized = [size(self.bytes)] if self.bytes else []
        return " and ".join(sized + unsized)

    @property
    def origin(self) -> str:
        """Where the missing files come from, in words."""
        return ", ".join(self.hosts) or ("your own copy" if self.missing else "here")


def offer(task: Task, tier: Holding) -> Offer:
    """Return the offer of a tier."""
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
    """Return the hosts of a raw file's addresses, then its package."""
    hosts = [urlsplit(url).hostname or url for url in source.urls]
    return [*dict.fromkeys(hosts), *([source.package] if source.package else [])]


def others(task: Task, tier: Holding) -> list[Tier]:
    """Return the tiers besides ``tier`` that have the papers' data and can be fetched."""
    candidates = [each for each in task.tiers if each in ("published", "rebuilt") and each != tier]
    return [each for each in candidates if offer(task, each).fetchable]


def _verdict(task: Task, tier: Holding) -> str:
    """Return whether results on a tier can be compared with those of the papers, in words."""
    if tier == "published":
        return "yes"
    if tier == "rebuilt" and task.provable:
        return "where its hashes are the papers'"
    generated = tier in ("regenerated", "synthetic")
    return "none: made here" if generated else "none: not the papers' files"
