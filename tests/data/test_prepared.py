from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kit import paths, task
from kit.data import preparing
from kit.data.prepared import folder_of, open_prepared
from kit.data.writing import check_contents, write_prepared
from kit.errors import DataError, KitError
from kit.files import locked
from kit.task import Contents
from tests.conftest import Run

DARCY = task.find("darcy-flow")
REPAIR = "kit data prepare darcy-flow --tier regenerated --profile smoke"


def test_missing_data_name_the_command_that_makes_them() -> None:
    with pytest.raises(DataError, match=REPAIR):
        open_prepared(DARCY, "regenerated", "smoke")


def _truncate(folder: Path) -> None:
    with (folder / "x.npy").open("rb+") as stream:
        stream.truncate(1000)


def _remove(folder: Path) -> None:
    (folder / "y.npy").unlink()


def _other_version(folder: Path) -> None:
    _edit(folder, "version", 99)


def _other_format(folder: Path) -> None:
    _edit(folder, "schema", 99)


def _cut_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"schema": 1, "ta')


def _edit(folder: Path, field: str, value: int) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {field: value}))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_truncate, "x.npy has 1000 bytes instead of"),
        (_remove, "y.npy is missing"),
        (_other_version, "version 99, but the task has 1"),
        (_other_format, "format 99"),
        (_cut_manifest, "manifest.json"),
    ],
)
def test_damage_is_told_in_one_line_with_the_repair(
    own_darcy: Path, damage: Callable[[Path], None], words: str
) -> None:
    damage(own_darcy)
    with pytest.raises(DataError, match=words) as caught:
        open_prepared(DARCY, "regenerated", "smoke")
    assert REPAIR in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_flipped_byte_is_found(own_darcy: Path) -> None:
    assert open_prepared(DARCY, "regenerated", "smoke").damaged() == []
    content = bytearray((own_darcy / "y.npy").read_bytes())
    content[-100] ^= 1
    (own_darcy / "y.npy").write_bytes(content)
    assert open_prepared(DARCY, "regenerated", "smoke").damaged() == ["y"]


def test_whole_data_serve_a_reduced_profile(own_darcy: Path) -> None:
    whole = own_darcy.with_name("regenerated")
    own_darcy.rename(whole)
    assert open_prepared(DARCY, "regenerated", "smoke").folder == whole


def test_two_processes_do_not_prepare_the_same_data() -> None:
    lock = folder_of(DARCY, "regenerated", "smoke").with_name(".regenerated-smoke.lock")
    with locked(lock), pytest.raises(KitError, match="another process"):
        preparing.prepare(DARCY, "regenerated", "smoke")


def _contents() -> Contents:
    x = np.zeros((6, 1, 85, 85), np.float32)
    return Contents(
        arrays={"x": x, "y": x.copy(), "unit_id": np.arange(6)},
        folds={"train": np.arange(4), "val": np.array([4]), "test": np.array([5])},
        origin={},
    )


def test_contents_that_contradict_each_other_are_refused() -> None:
    good = _contents()
    check_contents(DARCY, good)
    arrays, folds = good.arrays, good.folds
    nan = arrays["y"].copy()
    nan[3, 0, 1, 1] = np.nan
    for wrong, words in (
        (replace(good, arrays={**arrays, "y": nan}), "y holds values that are not finite"),
        (replace(good, arrays={**arrays, "y": nan[:3]}), "y has 3 samples, unit_id has 6"),
        (replace(good, arrays={"x": arrays["x"], "y": nan}), "no array 'unit_id'"),
        (replace(good, arrays={**arrays, "x": arrays["x"][..., :9]}), "x has shape"),
        (replace(good, folds={**folds, "val": np.array([6])}), "'val' is empty or points outside"),
        (replace(good, folds={**folds, "val": np.array([5])}), "'val' and 'test' share a sample"),
        (
            replace(good, arrays={**arrays, "unit_id": np.array([0, 1, 2, 3, 4, 0])}),
            "'train' and 'test' share a sample",
        ),
    ):
        with pytest.raises(DataError, match=words):
            check_contents(DARCY, wrong)


def test_writing_anew_replaces_what_was_there() -> None:
    folder = folder_of(DARCY, "regenerated", "paper")
    for value in (1, 2):
        contents = _contents()
        contents.arrays["y"][:] = value
        write_prepared(folder, DARCY, "regenerated", {}, contents)
    assert open_prepared(DARCY, "regenerated", "paper").array("y").max() == 2
    assert [path.name for path in folder.parent.iterdir()] == ["regenerated"]


def test_arrays_that_belong_to_no_sample_are_kept() -> None:
    contents = _contents()
    shared = {"shared-noise": np.zeros((7, 2)), "shared-noise-offsets": np.array([0, 3, 7])}
    check_contents(DARCY, replace(contents, arrays={**contents.arrays, **shared}))
    shared["shared-noise"][5, 1] = np.nan
    with pytest.raises(DataError, match="shared-noise holds values that are not finite"):
        check_contents(DARCY, replace(contents, arrays={**contents.arrays, **shared}))


def test_values_that_are_not_finite_are_found_in_every_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kit.data.writing.BLOCK", 16)
    for place in (0, 4, 9):
        noise = np.zeros(10)
        noise[place] = np.inf
        arrays = {**_contents().arrays, "shared-noise": noise}
        with pytest.raises(DataError, match="not finite"):
            check_contents(DARCY, replace(_contents(), arrays=arrays))


def test_a_reduced_profile_takes_the_best_that_is_prepared(own_darcy: Path) -> None:
    ecg = task.find("ecg")
    assert preparing.choose_tier(DARCY, "smoke", None) == "regenerated"
    assert preparing.choose_tier(DARCY, "paper", None) == "published"
    assert preparing.choose_tier(ecg, "smoke", None) == "synthetic", "the kit makes it by itself"
    preparing.prepare(ecg, "synthetic", "smoke")
    assert preparing.choose_tier(ecg, "smoke", None) == "synthetic"
    whole = folder_of(ecg, "sample", "smoke")
    folder_of(ecg, "synthetic", "smoke").rename(whole)
    assert preparing.choose_tier(ecg, "smoke", None) == "sample"
    with pytest.raises(KitError, match="ecg has no regenerated data"):
        preparing.choose_tier(ecg, "smoke", "regenerated")


def test_what_an_interrupted_preparation_left_can_be_removed(own_darcy: Path, kit: Run) -> None:
    half = [own_darcy.with_name(f".regenerated{end}") for end in (".new", ".old", "-lite.partial")]
    for each in half:
        each.mkdir()
        (each / "x.npy").write_bytes(b"half")
    with locked(own_darcy.with_name(".regenerated-lite.lock")):
        busy = kit("data", "clean", "darcy-flow")
    assert (busy.returncode, "by another process" in busy.stderr) == (75, True)
    assert all(each.exists() for each in half)
    found = kit("data", "clean", "darcy-flow").stdout.splitlines()
    assert found == [f"removed {each}" for each in sorted(half)]
    assert [each.name for each in own_darcy.parent.iterdir()] == [own_darcy.name]
    assert open_prepared(DARCY, "regenerated", "smoke").damaged() == []


def test_a_preparation_that_cannot_begin_leaves_nothing() -> None:
    with pytest.raises(DataError, match="missing"):
        preparing.prepare(DARCY, "published", "paper")
    assert list((paths.data() / "darcy-flow").iterdir()) == []
