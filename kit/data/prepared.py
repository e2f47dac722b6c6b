"""The prepared format: ``.npy`` arrays and a manifest of their SHA-256s in one folder.

Nothing half prepared is ever taken for prepared: the folder appears whole, by a rename.
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
# Arrays whose names begin so belong to no single sample (background noise to be mixed in).
SHARED = "shared-"
OTHER_DATA = "its data were prepared anew since, with other content"
BLOCK = 1 << 26


class OutdatedError(DataError):
    """Prepared data are whole, but not what would be prepared now."""


class ArrayFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One array of a prepared folder."""

    dtype: str
    shape: tuple[int, ...]
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a prepared folder holds and where it came from.

    Attributes:
        beside: data files of the task's own folder, as they were then.
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
        """One hash for all the data, independent of where they lie."""
        return hashlib.sha256(canonical_json(self.arrays)).hexdigest()


@dataclass(frozen=True)
class Prepared:
    """A prepared folder, opened: arrays are memory-mapped and read-only."""

    folder: Path
    manifest: Manifest

    def array(self, name: str) -> npt.NDArray[Any]:
        """Return an array, memory-mapped.

        Raises:
            DataError: the file holds anything but one plain array.
        """
        return npy.load(self.folder / f"{name}.npy", mmap=True)

    def has(self, name: str) -> bool:
        """Tell whether the folder holds an array of that name."""
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
        """Return the arrays whose bytes are not those of the manifest (reads everything)."""
        return [
            name
            for name, info in self.manifest.arrays.items()
            if sha256(self.folder / f"{name}.npy") != info.sha256
        ]


def folder_of(task: Task, tier: Tier, profile: Profile) -> Path:
    """Return where data are: the whole tier if it is there, else the profile's part of it."""
    whole = paths.data() / task.name / tier
    if (whole / MANIFEST).exists() or not task.samples(profile) or not generated(tier):
        return whole
    return whole.with_name(f"{tier}-{profile}")


def generated(tier: Tier) -> bool:
    """Tell whether the kit makes a tier by itself, so that a part of it can be made alone."""
    return tier in ("regenerated", "synthetic")


def repair(task: Task, tier: Tier, profile: Profile) -> str:
    """Return the command that makes these data."""
    part = f" --profile {profile}" if task.samples(profile) and generated(tier) else ""
    return mend.command("prepare", task.name, f"--tier {tier}{part}")


def open_prepared(task: Task, tier: Tier, profile: Profile) -> Prepared:
    """Open the data of a tier for a profile; sizes are checked here, hashes by ``damaged``.

    Raises:
        DataError: they are missing, truncated, or of another version; one line with the mend.
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
    """Tell whether a digest is that of the whole tier, or of the profile's part of it, as they are.

    Where nothing is prepared, nothing speaks against it.
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
    """Write a prepared folder; what was there before is replaced only when the new one is whole.

    Raises:
        DataError: the contents contradict each other.
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
    """Have prepared data that are shown to be the published ones as tier ``published`` too.

    Both folders share their files where the disk can do that. What is prepared of the published
    files is left alone.
    """
    target = folder.with_name("published")
    manifest = decode_json((folder / MANIFEST).read_bytes(), Manifest)
    with suppress(FileNotFoundError, msgspec.MsgspecError):
        there = decode_json((target / MANIFEST).read_bytes(), Manifest)
        if (there.schema, there.version) == (SCHEMA, manifest.version):
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
        DataError: naming the field.
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
    """Tell whether all values are finite; by parts, since the array may be larger than memory."""
    rows = max(1, BLOCK // max(1, array[:1].nbytes))
    return all(
        bool(np.isfinite(array[start : start + rows]).all()) for start in range(0, len(array), rows)
    )


def _check_ragged(task: Task, name: str, arrays: Mapping[str, Any], count: int) -> None:
    """A ragged array's values are joined along the first axis; offsets tell where each begins."""
    offsets = arrays[f"{name}-offsets"]
    whole = len(offsets) == count + 1 and offsets[0] == 0 and offsets[-1] == len(arrays[name])
    if not whole or (np.diff(offsets) <= 0).any():
        raise DataError(f"{task.name}: {name}-offsets do not cut {name} into {count} samples")
