"""Text for people: rows as aligned columns, counts with their nouns, lengths of time."""

from __future__ import annotations

from collections.abc import Sequence

from kit.errors import printable

GB, MB = 1e9, 1e6


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of equally many words, one line each, every column as wide as its longest."""
    # Words may come from other people's files, which must not send commands to the terminal.
    rows = [[printable(word) for word in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def plural(count: int, what: str) -> str:
    """Return ``1 sample`` or ``2 samples``."""
    return f"{count:,} {what}" + ("" if count == 1 else "s" if what[-1] != "s" else "es")


def size(count: float) -> str:
    """Return a number of bytes as ``2.31 GB`` or, up to a tenth of that, ``23.1 MB``."""
    return f"{count / GB:.2f} GB" if count > GB / 10 else f"{count / MB:.1f} MB"


def duration(seconds: float | None) -> str:
    """Return a length of time in two or three digits: ``42 s``, ``17 min``, ``5.3 h``."""
    if seconds is None:
        return ""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.3g} h"
