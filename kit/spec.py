"""What a run is: the spec, its identity, and the words that classify runs."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from kit.files import canonical_json

Profile = Literal["paper", "lite", "smoke"]
Protocol = Literal["released", "clean"]
Tier = Literal["published", "rebuilt", "regenerated", "sample", "synthetic"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
TIERS: tuple[Tier, ...] = get_args(Tier)
# Both papers have three seeds of everything.
SEEDS = (0, 1, 2)
# Settings by the names that they had in schema 1; in the hash they keep them, so that ids stay.
FORMER = {"variant": "convention"}

# Longer values of overrides stand in words by their hash.
LONGEST_VALUE = 80


class Kind(NamedTuple):
    """What runs must have in common to share a mean."""

    profile: Profile
    protocol: Protocol
    tier: Tier


class RunSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run: everything that its result depends on (docs/architecture.md, A run).

    ``settings`` are resolved. ``overrides`` name the settings that differ from what the method's
    files say; they do not enter the identity (the settings do), but such a run fills no table.
    """

    task: str
    task_version: int
    method: str
    method_version: int
    seed: int
    protocol: Protocol
    profile: Profile
    tier: Tier
    settings: dict[str, Any]
    inputs: dict[str, str] = {}
    overrides: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The SHA-256 of the canonical JSON of all fields but ``overrides``.

        Schema 1 had a field ``trial``, null in every spec; in the hash it stays, so that ids do.
        """
        settings = {FORMER.get(name, name): value for name, value in self.settings.items()}
        identity = {**msgspec.to_builtins(self), "settings": settings, "trial": None}
        del identity["overrides"]
        return hashlib.sha256(canonical_json(identity)).hexdigest()

    @property
    def kind(self) -> Kind:
        """Profile, protocol and tier: runs of two kinds never share a mean."""
        return Kind(self.profile, self.protocol, self.tier)

    @property
    def folder(self) -> Path:
        """The run's folder below ``results/runs``."""
        name = f"seed-{self.seed}-{self.id[:8]}"
        return Path(self.task, self.method, f"{self.profile}-{self.protocol}", name)

    @property
    def command(self) -> str:
        """The command that makes the run."""
        words = ["kit", "run", self.task, self.method, "--seed", str(self.seed)]
        words += ["--profile", self.profile, "--protocol", self.protocol, "--tier", self.tier]
        return shlex.join([*words, *(f"-o{each}" for each in self.overrides)])

    def __str__(self) -> str:
        changed = "".join(f" -o {brief(override)}" for override in self.overrides)
        kind = f"({self.profile}, {self.protocol})"
        return f"{self.task} {self.method} seed {self.seed} {kind}{changed}"


def brief(override: str) -> str:
    """Return an override as it stands in words: a long value, such as a genotype, by its hash."""
    name, _, value = override.partition("=")
    if len(value) <= LONGEST_VALUE:
        return override
    return f"{name}=sha256:{hashlib.sha256(value.encode()).hexdigest()[:8]}"


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each of nested settings as ``part.name`` and its value in words, sorted."""
    for name, value in sorted(settings.items()):
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            words = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            yield f"{prefix}{name}", words
