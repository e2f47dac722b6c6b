"""The format of prepared data: a folder of ``.npy`` arrays and a manifest with their SHA-256s."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from kit import paths
from kit.data import beside, mend, npy
from kit.errors import DataError, nearest
from kit.files import canonical_json, decode_json, sha256
from kit.spec import Profile, Tier
from kit.task import Task

SCHEMA = 1
MANIFEST = "manifest.json"
OTHER_DATA = "its data were prepared anew since, with other content"


class OutdatedError(DataError):
    """Prepared data are complete, but of another version or from files edited since."""


class ArrayFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One array of a prepared folder; ``bytes`` and ``sha256`` are those of its file."""

    dtype: str
    shape: tuple[int, ...]
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of a prepared folder, and its origin.

    Attributes:
        schema: version of the format.
        task: name of the task.
        version: version of the task's data.
        tier: tier of the data.
        samples: samples of each fold if only a part of the tier was made; else empty.
        arrays: the arrays by name, folds included.
        origin: facts about the origin, stated by the task.
        beside: data files in the task's own folder, in their state at preparation.
    """

    schema: int
    task: str
    version: int
    tier: Tier
    samples: dict[str, int]
    arrays: dict[str, ArrayFile]
    origin: dict[str, Any]
    beside: dict[str, beside.File] = {}

    @property
    def digest(self) -> str:
        """One hash of all arrays, independent of the folder."""
        return hashlib.sha256(canonical_json(self.arrays)).hexdigest()


@dataclass(frozen=True)
class Prepared:
    """An opened prepared folder, whose arrays are memory-mapped and read-only."""

    folder: Path
    manifest: Manifest

    def array(self, name: str) -> npt.NDArray[Any]:
        """Return an array, memory-mapped.

        Raises:
            DataError: the file does not exist, or is not one array of plain data.
        """
        return npy.load(self.folder / f"{name}.npy", mmap=True)

    def has(self, name: str) -> bool:
        """Tell whether there is an array of this name."""
        return name in self.manifest.arrays

    def fold(self, name: str) -> npt.NDArray[np.int64]:
        """Return the sample indices of a prepared fold.

        Raises:
            DataError: there is no such fold.
        """
        if not self.has(f"fold-{name}"):
            arrays = self.manifest.arrays
            known = [each.removeprefix("fold-") for each in arrays if each.startswith("fold-")]
            raise DataError(f"{self.folder}: there is no fold {name!r}{nearest(name, known)}")
        return np.asarray(self.array(f"fold-{name}"), dtype=np.int64)

    def damaged(self) -> list[str]:
        """Return the names of arrays whose SHA-256 is not that of the manifest; reads all files."""
        return [
            name
            for name, info in self.manifest.arrays.items()
            if sha256(self.folder / f"{name}.npy") != info.sha256
        ]


def folder_of(task: Task, tier: Tier, profile: Profile) -> Path:
    """Return the folder of the whole tier, or of a profile's part of it.

    The part is returned if the whole is not prepared, the profile is reduced, and the kit can
    generate the tier.
    """
    whole = paths.data() / task.name / tier
    if (whole / MANIFEST).exists() or not task.samples(profile) or not generated(tier):
        return whole
    return whole.with_name(f"{tier}-{profile}")


def generated(tier: Tier) -> bool:
    """Tell whether the kit generates a tier, so that a part of it can be made without the rest."""
    return tier in ("regenerated", "synthetic")


def repair(task: Task, tier: Tier, profile: Profile) -> str:
    """Return the command that prepares the data of a tier for a profile."""
    part = f" --profile {profile}" if task.samples(profile) and generated(tier) else ""
    return mend.command("prepare", task.name, f"--tier {tier}{part}")


def open_prepared(task: Task, tier: Tier, profile: Profile) -> Prepared:
    """Open the data of a tier for a profile; sizes are checked here, hashes by ``damaged``.

    Raises:
        OutdatedError: the data are of another version, or from files edited since.
        DataError: the data are missing or truncated; the message has the command to run.
    """
    folder = folder_of(task, tier, profile)
    how = f"run '{repair(task, tier, profile)}'"
    try:
        manifest = decode_json((folder / MANIFEST).read_bytes(), Manifest)
    except FileNotFoundError:
        raise DataError(f"{task.name}: no {tier} data prepared; {how}") from None
    except msgspec.MsgspecError as error:
        raise DataError(f"{folder / MANIFEST}: {error}; {how}") from None
    for what, found, wanted in (
        ("format", manifest.schema, SCHEMA),
        ("version", manifest.version, task.version),
    ):
        if found != wanted:
            raise OutdatedError(f"{folder}: {what} {found}, but the task has {wanted}; {how}")
    if edited := beside.changed(task, manifest.beside):
        names = " and ".join(str(task.folder / name) for name in edited)
        raise OutdatedError(f"{names} changed since {task.name} was prepared; {how}")
    for name, info in manifest.arrays.items():
        file = folder / f"{name}.npy"
        size = file.stat().st_size if file.exists() else -1
        if size != info.bytes:
            problem = "is missing" if size < 0 else f"has {size} bytes instead of {info.bytes}"
            raise DataError(f"{file} {problem}; {how}")
    return Prepared(folder, manifest)


def is_current(data: str, task: Task, tier: Tier, profile: Profile) -> bool:
    """Tell whether a digest is that of the tier, or of the profile's part, as prepared now.

    If neither is prepared, the answer is True.
    """
    whole = paths.data() / task.name / tier
    digests = set()
    for folder in (whole, whole.with_name(f"{tier}-{profile}")):
        with suppress(FileNotFoundError, msgspec.MsgspecError):
            content = (folder / MANIFEST).read_bytes()
            digests.add(decode_json(content, Manifest).digest)
    return data in digests or not digests
