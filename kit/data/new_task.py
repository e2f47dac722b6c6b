"""A task folder for one's own arrays: facts from their shapes, the arrays beside them."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.data import checks, npy
from kit.errors import DataError, KitError
from kit.files import replacing, write_bytes
from kit.task import Kind

Array = npt.NDArray[Any]
FOLDS = ("train", "val", "test")
# (loss, metric) of each kind.
SCORED = {
    "point": ("cross-entropy", "zero-one-error"),
    "multi-label": ("bce", "one-minus-auroc"),
    "dense": ("relative-l2", "relative-l2"),
}
TASK = '''"""{title}: made by 'kit new task' from {source}."""

from kit.task import Task

TASK = Task(
    name="{name}",
    title="{title}",
    dims={dims},
    sample_shape={shape},
    outputs={outputs},
    kind="{kind}",
    loss="{loss}",
    metrics=("{metric}",),
    unit="sample",
    version=1,
    licence="your own",
    citation="your own",
    tiers=("sample",),
    rules={{"inputs": "constants", "mean": {mean}, "std": {std}}},
    # Profiles take all samples but for smoke, which is for seeing that everything runs.
    reduced={{
        "smoke": {{"samples": {{"train": 32, "val": 8, "test": 16}}}},
    }},
)
'''
PREPARE = '''"""The arrays of this folder, as they are."""

from pathlib import Path

import numpy as np

from kit.data import npy
from kit.task import Contents, Preparation


def prepare(job: Preparation) -> Contents:
    """Return x, y and the folds of ``data.npz``."""
    data = npy.load_npz(Path(__file__).with_name("data.npz"), ("x", "y", "split"))
    x, y, split = data["x"], data["y"], data["split"]
    folds = {name: np.flatnonzero(split == i) for i, name in enumerate(("train", "val", "test"))}
    job.progress(1, 1)
    arrays = {"x": x, "y": y, "unit_id": np.arange(len(x))}
    return Contents(arrays=arrays, folds=folds, origin={})
'''
README = """# {title}

Made by `kit new task` from {source}: {count} samples of shape {shape}, {kind}.
`task.py` has the facts (edit licence, citation, loss and metrics there), `data.npz` the arrays.
"""


@dataclass(frozen=True)
class Own:
    """One's own arrays, checked: x (samples, channels, *spatial), y, split as 0, 1, 2."""

    x: Array
    y: Array
    split: npt.NDArray[np.int8]
    kind: Kind
    outputs: int


def read(file: Path) -> Own:
    """Read ``x``, ``y`` and an optional ``split`` from an ``.npz`` file.

    x without a channel axis gets one: (samples, n), and (samples, h, w) where h = w. y is labels
    (samples,), a 0/1 matrix (samples, labels), or fields of the size of x. split has the words or
    the numbers 0, 1, 2 of train, val, test; without it a fifth validates and a fifth tests.

    Raises:
        KitError: there is no such file, or an array is missing or makes no sense.
    """
    if not file.is_file():
        raise KitError(f"{file}: no such file")
    arrays = npy.load_npz(file, ("x", "y"), ("split",))
    x, y = _inputs(file, arrays["x"]), arrays["y"]
    if len(x) != len(y):
        raise DataError(f"{file.name}: x has {len(x)} samples, y has {len(y)}")
    kind, y, outputs = _targets(file, x, y)
    return Own(x, y, _split(file, arrays.get("split"), len(x)), kind, outputs)


def create(name: str, source: Path, root: Path) -> Path:
    """Write a task folder below ``root`` that passes the contract tests as it is.

    Raises:
        KitError: the name is no name or taken, or the arrays make no sense.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or keyword.iskeyword(name):
        raise KitError(
            f"{name!r} is no task name: small letters, digits, single hyphens; a letter comes first"
        )
    folder = root / name.replace("-", "_")
    if folder.exists():
        raise KitError(f"{folder} is there already; choose another name or remove it")
    own = read(source)
    loss, metric = SCORED[own.kind]
    axes = (0, *range(2, own.x.ndim))
    sample = own.x[own.split == 0].astype(np.float64)
    deviation = sample.std(axis=axes)
    facts = {
        "name": name,
        "title": name.replace("-", " ").capitalize(),
        "source": source.name,
        "dims": own.x.ndim - 2,
        "shape": own.x.shape[1:],
        "outputs": own.outputs,
        "kind": own.kind,
        "loss": loss,
        "metric": metric,
        "count": len(own.x),
        "mean": [float(f"{value:.6g}") for value in sample.mean(axis=axes)],
        "std": [float(f"{value:.6g}") if value > 0 else 1.0 for value in deviation],
    }
    with replacing(folder / "data.npz") as stream:
        np.savez_compressed(stream, x=own.x, y=own.y, split=own.split)
    for file, text in (("prepare.py", PREPARE), ("README.md", README.format(**facts))):
        write_bytes(folder / file, text.encode())
    # Last, since it is what makes the folder a task.
    write_bytes(folder / "task.py", TASK.format(**facts).encode())
    return folder


def _inputs(file: Path, x: Array) -> Array:
    if x.dtype.kind not in "fiub":
        raise DataError(f"{file.name}: x is of type {x.dtype}, not numbers")
    if x.ndim == 2 or (x.ndim == 3 and x.shape[1] == x.shape[2]):
        x = x[:, None]
    if x.ndim not in (3, 4) or 0 in x.shape:
        raise DataError(f"{file.name}: x is {x.shape}, not (samples, channels, n) or (.., h, w)")
    checks.finite(f"{file.name}: x", x)
    return x.astype(np.float32) if x.dtype.kind == "f" else x


def _targets(file: Path, x: Array, y: Array) -> tuple[Kind, Array, int]:
    if y.ndim == 1 and y.dtype.kind in "iu":
        labels = np.unique(y)
        if labels[0] != 0 or labels[-1] != len(labels) - 1:
            raise DataError(f"{file.name}: labels in y are not 0..{len(labels) - 1} without gaps")
        return "point", y.astype(np.int64), len(labels)
    if y.ndim == 2 and set(np.unique(y).tolist()) <= {0, 1}:
        return "multi-label", y.astype(np.uint8), y.shape[1]
    spatial = x.shape[2:]
    fields = y[:, None] if y.shape[1:] == spatial else y
    if fields.ndim == x.ndim and fields.shape[2:] == spatial and y.dtype.kind == "f":
        checks.finite(f"{file.name}: y", fields)
        return "dense", fields.astype(np.float32), fields.shape[1]
    raise DataError(
        f"{file.name}: y is {y.dtype} {y.shape}: neither integer labels (samples,), nor a 0/1 "
        f"matrix (samples, labels), nor fields of the size of x"
    )


def _split(file: Path, split: Array | None, count: int) -> npt.NDArray[np.int8]:
    if split is None:
        if count < 5:
            raise DataError(f"{file.name}: {count} samples are too few to be split; bring a split")
        # Every fifth sample, so that data sorted by class are split evenly.
        place = np.arange(count) % 5
        return np.where(place == 3, 1, np.where(place == 4, 2, 0)).astype(np.int8)
    if split.dtype.kind in "US":
        split = np.array([FOLDS.index(word) if word in FOLDS else -1 for word in split.astype(str)])
    if split.shape != (count,) or set(np.unique(split).tolist()) != {0, 1, 2}:
        raise DataError(f"{file.name}: split is not train, val or test (0, 1, 2) for each sample")
    return split.astype(np.int8)
