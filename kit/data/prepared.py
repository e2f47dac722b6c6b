"""The format of prepared data: a folder of ``.npy`` arrays and a manifest with their SHA-256s.

The folder is written under another name and renamed once it is complete.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
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
from kit.files import canonical_json, decode_json, replacing, sha256, sync_folder, write_json
from kit.spec import Profile, Tier
from kit.task import Contents, Task

SCHEMA = 1
MANIFEST = "manifest.json"
# Prefix of the names of arrays that do not belong to samples, such as background noise.
SHARED = "shared-"
OTHER_DATA = "its data were prepared anew since, with other content"
# Bytes of an array that are checked at once.
BLOCK = 1 << 26


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


def write_prepared(
    folder: Path,
    task: Task,
    tier: Tier,
    samples: Mapping[str, int],
    contents: Contents,
    files: Mapping[str, beside.File] | None = None,
) -> None:
    """Write a prepared folder; an existing one is replaced only once the new one is complete.

    Args:
        folder: the folder to write.
        task: the task whose data they are.
        tier: the tier of the data.
        samples: samples of each fold if only a part of the tier was made.
        contents: what the task's ``prepare`` returned.
        files: data files in the task's own folder.

    Raises:
        DataError: the contents contradict the task or each other.
    """
    check_contents(task, contents)
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    arrays = dict(contents.arrays)
    arrays |= {f"fold-{name}": np.asarray(fold, np.int64) for name, fold in contents.folds.items()}
    described = {}
    for name, array in arrays.items():
        file = fresh / f"{name}.npy"
        with replacing(file) as stream:
            np.lib.format.write_array(stream, np.asanyarray(array), allow_pickle=False)
        described[name] = ArrayFile(
            dtype=array.dtype.str,
            shape=array.shape,
            bytes=file.stat().st_size,
            sha256=sha256(file),
        )
    manifest = Manifest(
        schema=SCHEMA,
        task=task.name,
        version=task.version,
        tier=tier,
        samples=dict(samples),
        arrays=described,
        origin=dict(contents.origin),
        beside=dict(files or {}),
    )
    write_json(fresh / MANIFEST, manifest)
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    sync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def publish(folder: Path) -> Path:
    """Make prepared data that are identical to the published ones the tier ``published`` too.

    The files are hard links if the file system allows them. If the tier is prepared already, in the
    same version, it is left unchanged.

    Returns:
        The folder of the tier ``published``.
    """
    target = folder.with_name("published")
    manifest = decode_json((folder / MANIFEST).read_bytes(), Manifest)
    with suppress(FileNotFoundError, msgspec.MsgspecError):
        existing = decode_json((target / MANIFEST).read_bytes(), Manifest)
        if (existing.schema, existing.version) == (SCHEMA, manifest.version):
            return target
    fresh = folder.with_name(".published.new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(folder, fresh, copy_function=_link)
    write_json(fresh / MANIFEST, msgspec.structs.replace(manifest, tier="published"))
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    sync_folder(target.parent)
    return target


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def check_contents(task: Task, contents: Contents) -> None:
    """Check that prepared arrays agree with the task's facts and with each other.

    Raises:
        DataError: they do not; the message names the array or the fold.
    """
    arrays, folds = contents.arrays, contents.folds
    for name in ("x", "y", "unit_id"):
        if name not in arrays:
            raise DataError(f"{task.name}: prepare() returned no array {name!r}")
    count = len(arrays["unit_id"])
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not _finite(array):
            raise DataError(f"{task.name}: {name} holds values that are not finite")
        if name.startswith(SHARED):
            continue
        if name.endswith("-offsets"):
            _check_ragged(task, name.removesuffix("-offsets"), arrays, count)
        elif len(array) != count and f"{name}-offsets" not in arrays:
            raise DataError(f"{task.name}: {name} has {len(array)} samples, unit_id has {count}")
    if "x-offsets" not in arrays and arrays["x"].shape[1:] != task.sample_shape:
        raise DataError(
            f"{task.name}: x has shape {arrays['x'].shape[1:]}, not {task.sample_shape}"
        )
    units: dict[str, set[Any]] = {}
    for name, fold in folds.items():
        if len(fold) == 0 or fold.min() < 0 or fold.max() >= count:
            raise DataError(f"{task.name}: fold {name!r} is empty or points outside the data")
        units[name] = set(np.unique(arrays["unit_id"][fold]).tolist())
    held_out = units.get("test", set())
    for name in ("train", "val"):
        if held_out & units.get(name, set()):
            raise DataError(f"{task.name}: folds {name!r} and 'test' share a {task.unit}")


def _finite(array: npt.NDArray[Any]) -> bool:
    """Tell whether all values are finite; reads blocks, as the array may be larger than memory."""
    rows = max(1, BLOCK // max(1, array[:1].nbytes))
    return all(
        bool(np.isfinite(array[start : start + rows]).all()) for start in range(0, len(array), rows)
    )


def _check_ragged(task: Task, name: str, arrays: Mapping[str, Any], count: int) -> None:
    """Check that the offsets of a ragged array cut its first axis into one part per sample."""
    offsets = arrays[f"{name}-offsets"]
    whole = len(offsets) == count + 1 and offsets[0] == 0 and offsets[-1] == len(arrays[name])
    if not whole or (np.diff(offsets) <= 0).any():
        raise DataError(f"{task.name}: {name}-offsets do not cut {name} into {count} samples")
