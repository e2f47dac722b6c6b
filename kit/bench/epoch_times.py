"""Seconds of search epochs, as kept on disk (DASH, Table 8); without torch, for tables."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from kit import paths
from kit.bench.step_times import staleness
from kit.columns import plural
from kit.files import decode_json
from kit.spec import PROFILES, Profile, Tier

Strategy = Literal["dash", "mixed-weights", "mixed-results"]


class Epoch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One search epoch of a method's supernet: forward and backward passes alone.

    Attributes:
        method: ``dash`` for the Wide ResNet, ``dash-convnext``.
        strategy: how the mixtures were computed.
        parameters: of the backbone that the supernet was made of.
        seconds: of the whole epoch.
    """

    method: str
    strategy: Strategy
    parameters: int
    seconds: float


class EpochTimes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A measurement and how it was made; ``images`` of ``side`` pixels are one epoch.

    Attributes:
        code: see `StepTimes`.
    """

    profile: Profile
    tier: Tier
    device: str
    threads: int
    torch: str
    images: int
    side: int
    batch: int
    epochs: list[Epoch]
    code: str | None = None

    def __str__(self) -> str:
        return (
            f"{self.images} images of {self.side}×{self.side} ({self.tier}), batch {self.batch}, "
            f"profile {self.profile}; {self.device}, {plural(self.threads, 'thread')}, "
            f"torch {self.torch}{staleness(self.code)}"
        )


def file_of(profile: Profile) -> Path:
    """Return where a measurement is kept."""
    return paths.results() / "speed" / f"table-8-{profile}.json"


def load(profile: Profile | None = None) -> EpochTimes | None:
    """Return the measurement of a profile, by default of the fullest that was measured."""
    for each in PROFILES if profile is None else [profile]:
        try:
            return decode_json(file_of(each).read_bytes(), EpochTimes)
        except (FileNotFoundError, msgspec.MsgspecError):
            continue
    return None
