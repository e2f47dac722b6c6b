"""Seconds of search steps, as kept on disk (DASH, Figures 2 and 3); without torch, for figures."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from kit import paths
from kit.columns import plural
from kit.files import decode_json
from kit.runs.provenance import hash_of
from kit.spec import PROFILES, Profile, Tier

ConvVariant = Literal["dense", "depthwise", "released-quirk"]


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds of one timed piece of work of a method at one place of a figure: c, or n."""

    variant: ConvVariant
    x: int
    method: str
    seconds: float


class StepTimes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure's points and how they were measured.

    Attributes:
        batch: samples per step.
        steps: optimiser steps in one timed piece of work; in profile ``paper`` a whole epoch.
        rounds: of which the median counts.
        code: of the operator and the supernet, as `timed_code` has it; None where it is not known.
    """

    figure: int
    profile: Profile
    tier: Tier
    device: str
    threads: int
    torch: str
    batch: int
    steps: int
    rounds: int
    points: list[Point]
    code: str | None = None

    @property
    def title(self) -> str:
        """How it was measured, in words."""
        work = f"{plural(self.steps, 'step')} of batch {self.batch}, median of {self.rounds}"
        if self.profile != "paper":
            work += " (in the paper: epochs of batch 128)"
        machine = f"{self.device}, {plural(self.threads, 'thread')}, torch {self.torch}"
        title = f"{work}; {machine}; profile {self.profile}, tier {self.tier}"
        return title + staleness(self.code)


def timed_code() -> str:
    """Return the hash of the code whose speed is measured: ``kit.ops`` and ``kit.search``."""
    return hash_of([paths.PACKAGE / "ops", paths.PACKAGE / "search"])


def staleness(code: str | None) -> str:
    """Return a clause to append to a measurement's description if its code has changed since.

    Args:
        code: hash of the code that was measured; None where it is not known.

    Returns:
        The clause, empty where the code is still the same or not known.
    """
    return "" if code in (None, timed_code()) else "; of code that has changed since"


def file_of(figure: int, profile: Profile) -> Path:
    """Return where a measurement is kept."""
    return paths.results() / "speed" / f"figure-{figure}-{profile}.json"


def load(figure: int, profile: Profile | None = None) -> StepTimes | None:
    """Return the measurement of a profile, by default of the fullest that was measured."""
    for each in PROFILES if profile is None else [profile]:
        try:
            return decode_json(file_of(figure, each).read_bytes(), StepTimes)
        except (FileNotFoundError, msgspec.MsgspecError):
            continue
    return None
