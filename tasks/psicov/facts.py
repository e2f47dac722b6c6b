"""Known facts about PSICOV: lists, lengths, true contacts, and errors of a network."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kit.data.facts import Fact, fact, known, sizes
from kit.data.prepared import Prepared
from kit.task import Task

# For each of 250 proteins, the number of pairs of residues at less than 8 angstrom that are at
# least 24, and at least 12, apart in the sequence.
CONTACTS = Path(__file__).with_name("contacts.csv")
NEAR, SEPARATIONS = 8.0, (24, 12)
PDNET = "PDNET's lists"
# Mean absolute errors on the 150 proteins after 4 epochs on 1,000 training proteins.
NOTEBOOK = {"lr8": "5.5804", "mlr8": "5.0942", "lr12": "4.9733", "mlr12": "4.5852"}


def facts(task: Task, data: Prepared) -> Iterator[Fact]:
    """Yield sizes, lengths, the true contacts of 250 proteins, and the notebook's errors."""
    lengths = np.asarray(data.array("length"))
    tests = data.fold("test")
    deepcov = np.setdiff1d(np.arange(len(lengths)), tests)
    yield fact("proteins of deepcov.lst", 3_456, len(deepcov), where=PDNET)
    yield from sizes(task, data)
    yield fact("residues of deepcov.lst", 630_998, int(lengths[deepcov].sum()), where=PDNET)
    yield fact("longest of deepcov.lst", 512, int(lengths[deepcov].max()), where=PDNET)
    first = tuple(lengths[:2].tolist())
    yield fact("residues of the first two, 3aa0A and 5cs0A", (270, 215), first, where=PDNET)
    with CONTACTS.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for part, start in (("deepcov", 0), ("psicov", int(tests.min()))):
        wanted = [row for row in rows if row["list"] == part]
        places = [start + int(row["order"]) for row in wanted]
        prepared = [place for place in places if place < len(lengths)]
        counts = np.array([_contacts(data, place) for place in prepared])
        expected = np.array(
            [[int(row["separation_24"]), int(row["separation_12"])] for row in wanted]
        )
        what = f"true contacts of {len(wanted)} proteins of {part}.lst"
        totals = tuple(expected.sum(axis=0).tolist()), tuple(counts.sum(axis=0).tolist())
        yield fact(f"{what}, separation 24 / 12", *totals, where="measured on PDNET's maps")
        equal = (counts == expected[: len(counts)]).all(axis=1).sum()
        yield fact(f"{what} as counted one by one", len(wanted), int(equal))
    for name, error in NOTEBOOK.items():
        yield known(f"PDNET's notebook, {name}", error, "PDNET's notebook")


def _contacts(data: Prepared, protein: int) -> list[int]:
    """Return the number of pairs in contact of one protein, for each separation."""
    start, stop = np.asarray(data.array("y-offsets"))[protein : protein + 2]
    length = int(data.array("length")[protein])
    distances = np.asarray(data.array("y")[start:stop]).reshape(length, length)
    near = distances < NEAR
    return [int(np.triu(near, least).sum()) for least in SEPARATIONS]
