"""ECG from the challenge's own records: zip or folder, labels of any version."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
import pytest
from scipy.io import savemat

from kit import discovery, task
from kit.data import preparing, raw
from kit.data.download import Patience
from kit.data.fetch import fetch
from kit.data.prepared import open_prepared
from kit.errors import DataError
from tests.data.hosts import playing

ECG = task.find("ecg")
NAMES = [f"A{number:05d}" for number in range(1, 21)]
LABELS = dict(zip(NAMES, "NAO~" * 5, strict=True))


def module(name: str) -> ModuleType:
    return discovery.load("tasks", ECG.folder, name)


def signal(number: int) -> Any:
    return np.random.default_rng(number).integers(-500, 500, 1200 + 10 * number).astype("i2")


def challenge(wrong: dict[str, bytes | None] | None = None) -> dict[str, bytes]:
    """The members of a small ``training2017.zip``; ``wrong`` replaces or removes some."""
    files: dict[str, bytes | None] = {"RECORDS": "\n".join(NAMES).encode()}
    for number, name in enumerate(NAMES):
        stream, values = io.BytesIO(), signal(number)
        savemat(cast(Any, stream), {"val": values[None]}, format="4")
        files[f"{name}.mat"] = stream.getvalue()
        header = f"{name} 1 300 {len(values)}\n{name}.mat 16+24 1000/mV 16 0 {values[0]} 0 0 ECG\n"
        files[f"{name}.hea"] = header.encode()
    # The zip's own labels, which are not to be taken.
    files["REFERENCE.csv"] = "".join(f"{name},N\n" for name in NAMES).encode()
    files |= wrong or {}
    return {name: content for name, content in files.items() if content is not None}


def put(
    form: str, wrong: dict[str, bytes | None] | None = None, reference: bytes | None = None
) -> Path:
    """Lay raw files of tier ``rebuilt`` where they belong."""
    folder = raw.folder_of(ECG)
    folder.mkdir(parents=True, exist_ok=True)
    if form == "zip":
        with zipfile.ZipFile(folder / "training2017.zip", "w") as archive:
            for name, content in challenge(wrong).items():
                archive.writestr(f"training2017/{name}", content)
    else:
        for name, content in challenge(wrong).items():
            # PhysioNet's own tree has a folder for each thousand records.
            below = "training/A00" if form == "tree" and name[0] == "A" else "."
            file = folder / "training2017" / below / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    text = "".join(f"{name},{label}\n" for name, label in LABELS.items()).encode()
    (folder / "REFERENCE-v3.csv").write_bytes(text if reference is None else reference)
    return folder


@pytest.mark.parametrize("form", ["zip", "folder", "tree"])
def test_records_in_any_form_with_the_labels_of_version_3(form: str) -> None:
    put(form)
    preparing.prepare(ECG, "rebuilt", "paper")
    data = open_prepared(ECG, "rebuilt", "paper")
    assert data.array("y").tolist() == [0, 1, 2, 3] * 5, "not the zip's own labels"
    offsets = data.array("x-offsets")
    for number in range(len(NAMES)):
        found = data.array("x")[offsets[number] : offsets[number + 1]]
        assert np.array_equal(found, signal(number))
    assert [len(data.fold(name)) for name in ("train", "val", "test")] == [16, 2, 2]
    assert data.manifest.origin["records"] == 20
    assert not preparing.state(ECG, "published").ready


def test_from_physionet_to_prepared_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first host is down, the second one breaks off once."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = put("zip")
    with playing() as hosts:
        for name in ("training2017.zip", "REFERENCE-v3.csv"):
            hosts.files[name] = (folder / name).read_bytes()
            (folder / name).unlink()
        hosts.down, hosts.breaks = {"physionet.org": 503}, 9000
        said: list[str] = []
        hasty = Patience(timeout=1, tries=2, pause=0.01)
        fetch(hosts.local(ECG), "rebuilt", log=said.append, patience=hasty)
    assert [line.count("HTTP 503") for line in said] == [1, 1]
    assert all("archive.physionet.org" in line for line in said), "the next address is named"
    preparing.prepare(ECG, "rebuilt", "paper")
    assert len(open_prepared(ECG, "rebuilt", "paper").fold("train")) == 16


def test_line_ends_of_the_labels_do_not_matter() -> None:
    text = "\r\n".join(f"{name},{label}" for name, label in LABELS.items()).encode()
    put("zip", reference=b"\xef\xbb\xbf" + text)
    labels = module("labels")
    found = labels.read(raw.folder_of(ECG) / "REFERENCE-v3.csv")
    assert found == LABELS
    lines = "".join(f"{name},{label}\n" for name, label in LABELS.items())
    assert labels.digest(found) == hashlib.sha256(lines.encode()).hexdigest()


def test_what_is_shown_to_be_the_papers_is_published_too(monkeypatch: pytest.MonkeyPatch) -> None:
    put("zip")
    samples = b"".join(signal(number).astype("<i2").tobytes() for number in range(len(NAMES)))
    prepare, labels = module("prepare"), module("labels")
    monkeypatch.setattr(prepare, "SAMPLES_HASH", hashlib.sha256(samples).hexdigest())
    preparing.prepare(ECG, "rebuilt", "paper")
    assert not preparing.state(ECG, "published").ready, "its labels are others"
    monkeypatch.setattr(labels, "PAPERS_HASH", labels.digest(LABELS))
    preparing.prepare(ECG, "rebuilt", "paper")
    both = [open_prepared(ECG, tier, "paper") for tier in ("published", "rebuilt")]
    assert [each.manifest.tier for each in both] == ["published", "rebuilt"]
    assert both[0].manifest.digest == both[1].manifest.digest
    assert both[0].damaged() == []
    assert preparing.choose_tier(ECG, "paper", None) == "published"


def _cut(name: str) -> dict[str, bytes | None]:
    return {name: challenge()[name][:-400]}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"A00003.mat": None}, r"A00003\.mat is missing, which RECORDS names"),
        ({"A00003.mat": None, "A00009.mat": None}, r"A00003\.mat is missing and 1 more records"),
        ({"A00003.mat": None, "RECORDS": None}, r"A00003\.hea has no A00003\.mat beside it"),
        (_cut("A00002.mat"), r"A00002\.mat: not a readable MATLAB file"),
        ({"A00002.hea": b"A00002 1 300 9000\nA00002.mat 16 1000 16 0 0 0 0"}, "it states 9000 sa"),
        ({"A00002.hea": b"A00002 1 250 9000\nA00002.mat 16 1000 16 0 0 0 0"}, "it states 250 Hz"),
        ({"A00002.hea": b"<html>"}, "not a header of one signal"),
        ({"A99999.mat": challenge()["A00001.mat"]}, "there is no label for A99999"),
    ],
)
def test_wrong_records_are_told(wrong: dict[str, bytes | None], message: str) -> None:
    put("folder", wrong)
    refused(message)


def test_a_zip_that_is_cut_short_is_told() -> None:
    folder = put("zip")
    file = folder / "training2017.zip"
    file.write_bytes(file.read_bytes()[:-300])
    refused(r"training2017\.zip.*(truncated|damaged)")


def versioned(number: int) -> bytes:
    """Labels of all 8,528 records with the counts of a version."""
    labels = module("labels")
    counts = next(counts for counts, version in labels.VERSIONS.items() if version == number)
    letters = "".join(label * n for label, n in zip(labels.CLASSES, counts, strict=True))
    return "".join(f"A{row:05d},{letter}\n" for row, letter in enumerate(letters, 1)).encode()


@pytest.mark.parametrize("number", [1, 2])
def test_labels_of_another_version_are_told(number: int) -> None:
    folder = put("zip", reference=versioned(number))
    refused(rf"REFERENCE-v3\.csv: these are the labels of version {number}.*5076 N, 758 A")
    (folder / "REFERENCE-v3.csv").rename(folder / f"REFERENCE-v{number}.csv")
    preparing.prepare(ECG, "rebuilt", "paper")
    assert open_prepared(ECG, "rebuilt", "paper").manifest.origin["labels_version"] == number


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (b"A00001,N\nA00001,A\n", "line 2: A00001 a second time"),
        (b"A00001;N\n", "line 1 is not 'record,label'"),
        (b"A00001,X\n", "line 1 is 'X', not one of N A O ~"),
        (b"\xff\xfe\x00", "not a text file"),
    ],
)
def test_wrong_labels_are_told(reference: bytes, message: str) -> None:
    put("zip", reference=reference)
    refused(message)


def refused(message: str) -> None:
    with pytest.raises(DataError, match=message) as told:
        preparing.prepare(ECG, "rebuilt", "paper")
    assert "\n" not in str(told.value)
    assert not preparing.state(ECG, "rebuilt").ready


def test_official_records() -> None:
    """The challenge's 300 validation records, which are among the 8,528."""
    place = Path(os.environ.get("KIT_SAMPLES", "none")) / "ecg" / "ecg-cinc2017-validation"
    if not place.exists():
        pytest.skip("KIT_SAMPLES has no ecg/ecg-cinc2017-validation")
    noted: list[tuple[int, int]] = []
    read: Callable[..., Any] = module("records").read_challenge
    records = read(place, place / "REFERENCE.csv", lambda *args: noted.append(args))
    assert len(records.labels) == 300
    assert [records.labels.count(label) for label in "NAO~"] == [150, 50, 70, 30]
    assert records.origin["labels_version"] is None
