"""The hidden ``.part`` file of a download, and the note beside it that says where it came from.

By the note, bytes of two different files are never joined.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from kit.files import decode_json, write_json


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bytes of a part come from."""

    url: str
    mark: str | None
    total: int | None


@dataclass(frozen=True)
class Part:
    """The hidden file that grows until a download is whole."""

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
        """Return the bytes and the note, there or not."""
        return self.path, self._note

    @property
    def size(self) -> int:
        """Return how many bytes are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def held(self, url: str) -> int:
        """Return how many bytes of an address are there."""
        note = self.note()
        return self.size if note is not None and note.url == url else 0

    def note(self) -> Note | None:
        """Return where the bytes come from, or None if that is not known."""
        try:
            return decode_json(self._note.read_bytes(), Note)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def write_note(self, note: Note) -> None:
        """Say where the bytes come from."""
        write_json(self._note, note)

    def drop(self) -> None:
        """Remove what was downloaded."""
        for path in self.files:
            path.unlink(missing_ok=True)

    def finish(self, target: Path) -> None:
        """Move the whole file to where it belongs."""
        self.path.replace(target)
        self._note.unlink(missing_ok=True)
