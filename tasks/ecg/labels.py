"""The challenge's label files: three versions of the same records, told apart by their counts."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from kit.errors import DataError

# Normal rhythm, atrial fibrillation, other rhythm, too noisy: in the order of the papers' labels.
CLASSES = ("N", "A", "O", "~")
# Records of each class, in that order, among all 8,528.
VERSIONS = {
    (5154, 771, 2557, 46): 1,
    (5050, 738, 2456, 284): 2,
    (5076, 758, 2415, 279): 3,
}
PAPERS = 3
# Of the lines "record,label", sorted, each with its line feed.
PAPERS_HASH = "ae517e474b0bc89a7517ad876b5b4dadc6c94f680d0665c04746db9432df855b"
# Where labels are looked for, best first; the last one is the zip's own, of version 2.
FILES = ("REFERENCE-v3.csv", "REFERENCE-v2.csv", "REFERENCE-v1.csv", "REFERENCE.csv")


def read(file: Path) -> dict[str, str]:
    """Return the label of each record of a file of any version.

    Raises:
        DataError: the file is missing, a line is not ``record,label``, a record is named twice, or
            the file is called version 3 and holds the labels of another one.
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
    found = version(labels)
    if file.name == FILES[0] and found not in (None, PAPERS):
        raise DataError(
            f"{file.name}: these are the labels of version {found}, those of version 3 have "
            f"{_words(PAPERS)}; fetch the file that is called so, or import this one as "
            f"REFERENCE-v{found}.csv"
        )
    return labels


def version(labels: Mapping[str, str]) -> int | None:
    """Return which version the labels of all records are of; None if of none that is known."""
    counts = Counter(labels.values())
    return VERSIONS.get((counts["N"], counts["A"], counts["O"], counts["~"]))


def digest(labels: Mapping[str, str]) -> str:
    """Return the SHA-256 of the labels, whatever their file's line ends and order."""
    text = "".join(f"{name},{label}\n" for name, label in sorted(labels.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def check(place: str, label: object) -> None:
    """Refuse what is no label.

    Raises:
        DataError: naming the place.
    """
    if not isinstance(label, str) or label not in CLASSES:
        # What is no text is not printed: it may have no end.
        found = f"{label!a:.40}" if isinstance(label, str) else f"a {type(label).__name__}"
        raise DataError(f"{place} is {found}, not one of {' '.join(CLASSES)}")


def _words(wanted: int) -> str:
    counts = next(counts for counts, number in VERSIONS.items() if number == wanted)
    return ", ".join(f"{n} {label}" for label, n in zip(CLASSES, counts, strict=True))
