"""Writing prepared data, checked against the task's facts.

The folder is written under another name and renamed once it is complete.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from kit.data import beside
from kit.data.prepared import MANIFEST, SCHEMA, ArrayFile, Manifest
from kit.errors import DataError
from kit.files import decode_json, replacing, sha256, sync_folder, write_json
from kit.spec import Tier
from kit.task import Contents, Task

# Prefix of the names of arrays that do not belong to samples, such as background noise.
SHARED = "shared-"
# Bytes of an array that are checked at once.
BLOCK = 1 << 26


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
