"""The visits of the telescope that are used: those of resolved galaxies.

deepCR's authors distinguish resolved galaxies (GAL), globular clusters (GC) and extragalactic deep
fields (EX); both papers use only the first. A visit is written as ``<proposal>_<visit>``.
"""

from __future__ import annotations

import re
from pathlib import Path

from kit.errors import DataError

FILTER = "f435w"
CHOICE = "visits.txt"
_RESOLVED_GALAXIES = """
9490_a2 9490_a3 10182_pb 10182_pd 10190_13 10190_28 10260_5 10260_7
10342_3 10407_3 10584_13 10760_2 10760_4 12058_1 12058_12 12058_16
12058_6 12513_2 12513_3 13057_1 13364_95 13691_11 13737_2 13737_3
13804_6 14343_1 14704_1
"""
RESOLVED_GALAXIES = frozenset(_RESOLVED_GALAXIES.split())


def chosen(raw: Path) -> tuple[str, frozenset[str]]:
    """Return where the choice of visits comes from, and the visits.

    A file ``visits.txt`` beside the raw files, one visit per line, replaces the papers' choice.

    Raises:
        DataError: a line of the file is not a visit.
    """
    file = raw / CHOICE
    if not file.exists():
        return "resolved galaxies", RESOLVED_GALAXIES
    lines = file.read_text("utf-8").split()
    for line in lines:
        if not re.fullmatch(r"\d+_\w+", line):
            raise DataError(f"{CHOICE}: {line!r} is not '<proposal>_<visit>'")
    return CHOICE, frozenset(lines)
