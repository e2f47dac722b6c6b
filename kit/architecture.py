"""Architectures that searches find: what a kind of them can do, and reading one from a file.

A kind belongs to the search space that has it (``kit.search`` for DASH's) or to a method's folder;
the method names it (``MethodInfo.architecture``), and whatever shows, compares or reads an
architecture asks the method of the run. Values are plain JSON: what stands in ``result.json``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import msgspec

from kit.errors import KitError
from kit.files import check_plain, decode_given_json
from kit.spec import RunSpec
from kit.task import Task

# No architecture of any space comes near; a larger file is another one.
LARGEST_FILE = 1 << 20


class ArchitectureKind(Protocol):
    """One kind of architecture. It needs no torch, and nothing of the kit.

    Where a ``ValueError`` is raised, it is one line that says what is wrong and where in the value.
    """

    @property
    def name(self) -> str:
        """As a result names it: ``kernel-dilation``."""

    @property
    def version(self) -> int:
        """Of the form of its values."""

    def read(self, text: str) -> Any:
        """Return the value that a file stands for, in whichever forms the space knows.

        Raises:
            ValueError: it stands for none.
        """

    def check(self, value: Any) -> None:
        """Hold a value to the kind's form; it may be any JSON.

        Raises:
            ValueError: it is of another form.
        """

    def likeness(self, one: Any, other: Any) -> float:
        """Return the share of parts that two values have in common, from 0 to 1.

        The values may have different numbers of parts.
        """

    def describe(self, value: Any, spec: RunSpec, task: Task) -> str:
        """Return the architecture of a run in the space's notation, one part per line."""

    def draw(self, axes: Any, value: Any, spec: RunSpec, task: Task) -> None:
        """Draw the architecture of a run on empty axes of matplotlib."""

    def sketch(self, value: Any) -> tuple[str, str] | None:
        """Return a small SVG element for a page and the line that explains it, if there is one."""

    def setting(self, value: Any, task: Task) -> Any:
        """Return what the method's setting ``architecture`` is to be for a run with this value.

        It is part of the run's id, so that it is the same for each form of one architecture.
        """


class _Record(msgspec.Struct):
    kind: str
    version: int
    value: Any


def load(file: Path, kind: ArchitectureKind) -> Any:
    """Return the checked value in a file: in a form of the kind's own, or of a run's result.

    Raises:
        KitError: it cannot be read, is of another kind, or is wrong; one line with the place.
    """
    try:
        text = _text(file)
        value = _of_result(text, kind) if text.lstrip().startswith("{") else None
        if value is None:
            value = kind.read(text)
        kind.check(value)
    except OSError as error:
        raise KitError(f"{file}: {error.strerror}") from None
    except RecursionError:
        raise KitError(f"{file}: it is nested too deeply for an architecture") from None
    except ValueError as error:
        raise KitError(f"{file}: {error}") from None
    return value


def _text(file: Path) -> str:
    check_plain(file, KitError)
    with file.open("rb") as stream:
        content = stream.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise ValueError(f"larger than {LARGEST_FILE >> 20} MiB, which no architecture is")
    try:
        return content.decode("utf-8-sig")  # some editors write a mark before the text
    except UnicodeDecodeError:
        raise ValueError("it is no text") from None


def _of_result(text: str, kind: ArchitectureKind) -> Any | None:
    """Return the value of an architecture's record, alone or in a result; None for other text."""
    try:
        content = decode_given_json(text)
    except msgspec.DecodeError:
        return None  # the kind has forms of its own, or says what is wrong with the text
    if "architecture" in content:
        content = content["architecture"]
        if content is None:
            raise ValueError("it is of a run that searched nothing")
    elif "kind" not in content:
        return None
    record = msgspec.convert(content, _Record)
    if (record.kind, record.version) != (kind.name, kind.version):
        raise ValueError(
            f"it holds an architecture of kind {record.kind!r}, version {record.version}; "
            f"{kind.name!r}, version {kind.version}, is needed"
        )
    return record.value
