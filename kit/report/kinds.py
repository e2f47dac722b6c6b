"""Kinds of runs: which are asked for, and which of several comes first."""

from __future__ import annotations

from typing import NamedTuple

from kit.spec import PROFILES, PROTOCOLS, TIERS, Kind, Profile, Protocol, Tier


class WantedKind(NamedTuple):
    """The kinds of runs that are asked for; None stands for any."""

    profile: Profile | None = None
    protocol: Protocol | None = None
    tier: Tier | None = None

    def includes(self, kind: Kind) -> bool:
        """Tell whether runs of a kind are among those that are asked for."""
        return all(want in (None, have) for want, have in zip(self, kind, strict=True))


ANY = WantedKind()


def rank(kind: Kind) -> tuple[int, int, int]:
    """Return where a kind stands: the fullest profile first, ``released``, the best tier."""
    return PROFILES.index(kind.profile), PROTOCOLS.index(kind.protocol), TIERS.index(kind.tier)


def words(kind: Kind) -> str:
    """Return a kind in words: ``smoke-released on synthetic data``."""
    return f"{kind.profile}-{kind.protocol} on {kind.tier} data"
