"""Reading records from the published pickle, or from the challenge's files in a zip or folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.data import checks, matlab, pickles
from kit.data.archives import members
from kit.errors import DataError

from . import labels
from .labels import check

RATE = 300
LIST = "RECORDS"


@dataclass(frozen=True)
class Records:
    """Recordings at 300 Hz and their labels.

    Attributes:
        values: the recordings, each (steps,).
        labels: the character of each record's class.
        origin: facts about their origin, for the manifest.
    """

    values: list[npt.NDArray[Any]]
    labels: list[str]
    origin: dict[str, Any] = field(default_factory=dict)


def read_pickle(file: Path) -> Records:
    """Return the records of the published file, a dictionary of ``data`` and ``label``.

    Raises:
        DataError: a field is missing or invalid; the message names the file and the field.
    """
    content = checks.fields(file.name, pickles.load(file), ("data", "label"))
    values, named = (_several(file, name, content[name]) for name in ("data", "label"))
    if len(values) != len(named):
        raise DataError(f"{file.name}: data has {len(values)} records, label has {len(named)}")
    for row, (record, label) in enumerate(zip(values, named, strict=True)):
        values[row] = checks.numbers(f"{file.name}: data[{row}]", record, (None,))
        check(f"{file.name}: label[{row}]", label)
    return Records(values, named)


def read_folder(folder: Path, progress: Callable[[int, int], None]) -> Records:
    """Return the records of a folder with ``REFERENCE.csv`` and a ``.mat`` file per record.

    Raises:
        DataError: a file or field is missing or invalid; the message names it.
    """
    named = labels.read(folder / "REFERENCE.csv")
    records = Records([], list(named.values()))
    for number, name in enumerate(named, start=1):
        file = folder / f"{name}.mat"
        if not file.exists():
            raise DataError(f"{file}: no such file")
        records.values.append(_read_mat(file.name, file.read_bytes()))
        progress(number, len(named))
    return records


def _several(file: Path, name: str, content: Any) -> list[Any]:
    """Return a field of several records as a list."""
    is_array = isinstance(content, np.ndarray) and content.ndim
    if not is_array and not isinstance(content, list | tuple | str):
        raise DataError(f"{file.name}: {name} is not a list")
    return list(content)


def read_challenge(place: Path, reference: Path, progress: Callable[[int, int], None]) -> Records:
    """Return the records of PhysioNet's zip or folder, sorted by name, with the labels of a file.

    Records may be at any depth of the folder. A header (``.hea``) is compared with its record, and
    all records listed in ``RECORDS`` must exist.

    Args:
        place: ``training2017.zip``, or the folder unpacked from it.
        reference: file of labels of any version; it may have labels of further records.
        progress: called with (done, total).

    Raises:
        DataError: a file or field is missing or invalid; the message names it.
    """
    named = labels.read(reference)
    files: dict[str, bytes] = {}
    for path, stream in members(place, wanted=_is_wanted, progress=progress):
        name = PurePosixPath(path).name
        if name in files and name != LIST:
            raise DataError(f"{place.name}: {name} is there twice")
        files[name] = stream.read() or b""
    names = sorted(Path(name).stem for name in files if name.endswith(".mat"))
    listed = files.get(LIST, b"").decode(errors="replace").split()
    listed = sorted({PurePosixPath(name).name for name in listed})
    if lacking := sorted(set(listed) - set(names)):
        more = f" and {len(lacking) - 1} more records" if len(lacking) > 1 else ""
        raise DataError(f"{place.name}: {lacking[0]}.mat is missing{more}, which RECORDS names")
    headers = {Path(name).stem for name in files if name.endswith(".hea")}
    if lacking := sorted(headers - set(names)):
        raise DataError(f"{place.name}: {lacking[0]}.hea has no {lacking[0]}.mat beside it")
    if unnamed := [name for name in names if name not in named]:
        raise DataError(f"{reference.name}: there is no label for {unnamed[0]}")
    records, running = Records([], [named[name] for name in names]), hashlib.sha256()
    for name in names:
        content = files[f"{name}.mat"]
        running.update(content)
        record = _read_mat(f"{name}.mat", content)
        if name in headers:
            _check_header(f"{name}.hea", files[f"{name}.hea"], record)
        records.values.append(record)
    records.origin.update(
        records=len(names),
        of=len(named),
        labels=reference.name,
        labels_version=labels.version(named),
        labels_sha256=labels.digest(named),
        files_sha256=running.hexdigest(),
    )
    return records


def _is_wanted(path: str) -> bool:
    name = PurePosixPath(path)
    hidden = any(part.startswith((".", "__")) for part in name.parts)
    return not hidden and (name.suffix in (".mat", ".hea") or name.name == LIST)


def _read_mat(name: str, content: bytes) -> npt.NDArray[Any]:
    """Return the record (steps,) of a ``.mat`` file; ``name`` is for error messages."""
    values = checks.fields(name, matlab.loads(name, content, ("val",)), ("val",))["val"]
    return checks.numbers(f"{name}: val", values, (1, None))[0]


def _check_header(place: str, content: bytes, record: npt.NDArray[Any]) -> None:
    """Compare the rate and length stated in a header of PhysioNet's format with its record.

    The first sample is not compared, since official headers do not always state it correctly.
    """
    words = content.decode(errors="replace").split()
    try:
        rate, length = float(words[2]), float(words[3])
    except (IndexError, ValueError):
        raise DataError(f"{place}: not a header of one signal") from None
    for what, stated, found in (
        ("Hz", rate, RATE),
        ("samples", length, len(record)),
    ):
        if stated != found:
            raise DataError(f"{place}: it states {stated:g} {what}, but the record has {found}")
