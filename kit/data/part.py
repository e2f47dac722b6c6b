"""The hidden ``.part`` file of a download, and a note beside it that says where it came from.

The note prevents that bytes of two different files are joined.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from kit.files import decode_json, write_json


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bytes of a part come from.

    Attributes:
        url: the address that they were downloaded from.
        mark: the server's ETag or date of the file; None if it stated neither.
        total: size of the whole file in bytes; None if unknown.
    """

    url: str
    mark: str | None
    total: int | None


@dataclass(frozen=True)
class Part:
    """The hidden file that a download is written to until it is complete."""

    path: Path

    @classmethod
    def of(cls, file: Path) -> Part:
        """Return the part that belongs to a file."""
        return cls(file.with_name(f".{file.name}.part"))

    @property
    def _note(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")

    @property
    def files(self) -> tuple[Path, Path]:
        """The partial file and its note, whether they exist or not."""
        return self.path, self._note

    @property
    def size(self) -> int:
        """Number of bytes downloaded so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    def held(self, url: str) -> int:
        """Return the number of bytes downloaded from an address; 0 if they are from another one."""
        note = self.note()
        return self.size if note is not None and note.url == url else 0

    def note(self) -> Note | None:
        """Return the note; None if it is missing or damaged."""
        try:
            return decode_json(self._note.read_bytes(), Note)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def write_note(self, note: Note) -> None:
        """Record where the bytes come from."""
        write_json(self._note, note)

    def drop(self) -> None:
        """Remove the partial file and its note."""
        for path in self.files:
            path.unlink(missing_ok=True)

    def finish(self, target: Path) -> None:
        """Move the complete file to its target and remove the note."""
        self.path.replace(target)
        self._note.unlink(missing_ok=True)
