"""The challenge's label files: three versions, which are recognised by their counts of classes."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from kit.errors import DataError

# Normal rhythm, atrial fibrillation, other rhythm, too noisy; in the order of the papers' labels.
CLASSES = ("N", "A", "O", "~")
# Version of the labels by the number of records of each class, in that order, of all 8,528.
VERSIONS = {
    (5154, 771, 2557, 46): 1,
    (5050, 738, 2456, 284): 2,
    (5076, 758, 2415, 279): 3,
}
# The version that the papers use.
PAPERS = 3
# Its SHA-256 over the sorted lines "record,label", each with a line feed.
PAPERS_HASH = "ae517e474b0bc89a7517ad876b5b4dadc6c94f680d0665c04746db9432df855b"
# Files of labels, best first; the last one is that inside the zip, of version 2.
FILES = ("REFERENCE-v3.csv", "REFERENCE-v2.csv", "REFERENCE-v1.csv", "REFERENCE.csv")


def read(file: Path) -> dict[str, str]:
    """Return the label of each record, by its name, from a file of any version.

    Raises:
        DataError: the file does not exist, a line is not ``record,label``, a record is named twice,
            or the file is named version 3 but has the labels of another version.
    """
    try:
        rows = list(csv.reader(file.read_text("utf-8-sig").splitlines()))
    except FileNotFoundError:
        raise DataError(f"{file}: no such file") from None
    except (UnicodeDecodeError, csv.Error):
        raise DataError(f"{file.name}: not a text file") from None
    labels: dict[str, str] = {}
    for number, row in enumerate(rows, start=1):
        if len(row) != 2:
            raise DataError(f"{file.name}: line {number} is not 'record,label'")
        name, label = Path(row[0].strip()).name, row[1].strip()
        check(f"{file.name}: line {number}", label)
        if name in labels:
            raise DataError(f"{file.name}: line {number}: {name} a second time")
        labels[name] = label
    actual = version(labels)
    if file.name == FILES[0] and actual not in (None, PAPERS):
        raise DataError(
            f"{file.name}: these are the labels of version {actual}, those of version 3 have "
            f"{_words(PAPERS)}; fetch the file that is called so, or import this one as "
            f"REFERENCE-v{actual}.csv"
        )
    return labels


def version(labels: Mapping[str, str]) -> int | None:
    """Return the version of the labels of all records; None if it is unknown."""
    counts = Counter(labels.values())
    return VERSIONS.get((counts["N"], counts["A"], counts["O"], counts["~"]))


def digest(labels: Mapping[str, str]) -> str:
    """Return the SHA-256 of the labels; it does not depend on the file's line ends and order."""
    text = "".join(f"{name},{label}\n" for name, label in sorted(labels.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def check(place: str, label: object) -> None:
    """Check that a value is a label.

    Raises:
        DataError: it is not; the message begins with ``place``.
    """
    if not isinstance(label, str) or label not in CLASSES:
        # A value that is not text is not printed, since it may be very long.
        shown = f"{label!a:.40}" if isinstance(label, str) else f"a {type(label).__name__}"
        raise DataError(f"{place} is {shown}, not one of {' '.join(CLASSES)}")


def _words(wanted: int) -> str:
    """Return the counts of classes of a version in words."""
    counts = next(counts for counts, number in VERSIONS.items() if number == wanted)
    return ", ".join(f"{n} {label}" for label, n in zip(CLASSES, counts, strict=True))
