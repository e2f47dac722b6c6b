from __future__ import annotations

import dataclasses
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit import method, paths, task
from kit.data import preparing, shares
from kit.data.new_task import create, read
from kit.data.own.reading import Ask, Reading
from kit.data.prepared import open_prepared
from kit.errors import DataError, KitError
from kit.spec import PROFILES
from kit.task import Task
from tests.conftest import Run

NUMBERS = itertools.count()


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    file = tmp_path / "digits.npz"
    np.savez(file, x=x.reshape(-1, 8, 8).astype("f4"), y=y)
    return file


def test_ones_own_images_become_a_task_that_runs(
    kit: Run, digits: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    monkeypatch.setenv("KIT_TASKS", f"{tasks}{os.pathsep}{paths.project() / 'tasks'}")
    made = kit("new", "task", "digits", "--from", str(digits))
    assert made.returncode == 0, made.stderr
    assert "samples (1, 8, 8), 10 outputs" in made.stdout
    assert kit("new", "task", "digits", "--from", str(digits)).returncode == 2
    assert kit("data", "prepare", "digits").returncode == 0
    words = ("-o", "epochs=5", "-o", "batch_size=32", "-o", "data.samples={}")
    done = kit("run", "digits", "wrn", "--profile", "smoke", "--seed", "0", *words)
    assert done.returncode == 0, done.stderr
    (file,) = (home / "results").glob("runs/digits/wrn/smoke-clean/*/result.json")
    assert json.loads(file.read_text())["metrics"]["zero-one-error"]["value"] < 30
    # The project's own contract tests, unedited, over the new folder.
    contracts = Path(__file__).parent.parent / "test_contracts.py"
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(contracts), "-k", "digits"],
        capture_output=True,
        text=True,
        env=os.environ,
        check=False,
        cwd=contracts.parent.parent,
    )
    assert tested.returncode == 0, tested.stdout


def arrays(**changes: Any) -> dict[str, Any]:
    random = np.random.default_rng(0)
    return {"x": random.random((10, 2, 6)), "y": np.arange(10) % 2, **changes}


def test_kinds_are_told_from_the_arrays(tmp_path: Path) -> None:
    file = tmp_path / "own.npz"
    for changes, kind, shape, outputs in (
        ({}, "point", (2, 6), 2),
        ({"x": np.zeros((10, 7), np.uint8)}, "point", (1, 7), 2),
        ({"x": np.zeros((10, 3, 5, 4))}, "point", (3, 5, 4), 2),
        ({"y": np.eye(10)[:, :4]}, "multi-label", (2, 6), 4),
        ({"y": np.full((10, 6), 0.5)}, "dense", (2, 6), 1),
        ({"y": np.full((10, 3, 6), 0.5)}, "dense", (2, 6), 3),
        ({"y": np.linspace(0, 1, 10)}, "regression", (2, 6), 1),
        ({"y": np.random.default_rng(0).random((10, 4))}, "regression", (2, 6), 4),
        ({"y": np.array(["no", "yes"] * 5)}, "point", (2, 6), 2),
        ({"y": np.array([False, True] * 5)}, "point", (2, 6), 2),
        ({"y": np.array([1.0, 2.0] * 5)}, "point", (2, 6), 2),
        ({"y": np.array([-1, 1] * 5)[:, None]}, "point", (2, 6), 2),
        ({"y": np.eye(2, dtype=int)[np.arange(10) % 2]}, "point", (2, 6), 2),
        ({"y": np.arange(60).reshape(10, 1, 6) % 3}, "segmentation", (2, 6), 3),
        (
            {"x": np.zeros((10, 4, 4)), "y": np.arange(160).reshape(10, 4, 4) % 2 * 255},
            "segmentation",
            (1, 4, 4),
            2,
        ),
    ):
        np.savez(file, **arrays(**changes))
        own = read(file)
        assert (own.kind, own.x.shape[1:], own.outputs) == (kind, shape, outputs)


def test_split_by_words_numbers_or_none(tmp_path: Path) -> None:
    file = tmp_path / "own.npz"
    words = np.array(["train"] * 6 + ["val", "val", "test", "test"])
    np.savez(file, **arrays(split=words))
    assert read(file).split.tolist() == [0] * 6 + [1, 1, 2, 2]
    np.savez(file, **arrays())
    assert np.bincount(read(file).split).tolist() == [6, 2, 2]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"x": np.full((10, 2, 6), np.nan)}, "x lacks 120 of 120 values, in 10 samples"),
        ({"x": np.zeros((9, 2, 6))}, "x has 9 samples, y has 10"),
        ({"x": np.zeros((10, 2, 3, 4, 5))}, "--layout NCDHW"),
        ({"x": np.array(["a"] * 10)}, "not numbers"),
        ({"y": np.arange(10) + 1}, "--kind classification or --kind regression"),
        ({"y": np.zeros((10, 3, 5))}, "neither one answer"),
        ({"y": np.zeros(10, int)}, "one class is nothing to learn"),
        ({"y": np.ones(10)}, "one class is nothing to learn"),
        ({"y": np.array([f"a{i}" for i in range(10)])}, "a class of its own"),
        (
            {"y": np.array(["a"] * 8 + ["b"] * 2)},
            r"too few .* class 'b' \(2\); leave out or join classes$",
        ),
        (
            {"y": np.array([1] * 8 + [2] * 2)},
            r"class '2' \(2\); leave .*, or say --kind regression$",
        ),
        ({"x": np.float32(3)}, r"x is a single value; samples come first: \(samples, ...\)"),
        ({"y": np.float32(3)}, r"y is a single value; samples come first: \(samples, ...\)"),
        ({"x": np.full((10, 2, 6), 1e200)}, "holds 120 values beyond 1e.15, such as 1e.200"),
        ({"x": np.full((10, 2, 6), np.inf)}, "120 infinite values"),
        ({"x": np.zeros((10, 16, 16, 3))}, "--layout NHWC"),
        ({"x": np.zeros((10, 28, 20))}, "NHW"),
        ({"x": np.zeros((10, 2, 6), complex)}, "not numbers"),
        ({"y": np.full(10, np.nan)}, "lacks 10 values"),
        ({"y": np.eye(10)[:, :6].astype(int)}, "--kind segmentation, multi-label"),
        (
            {
                "split": np.array(["train"] * 6 + ["val"] * 2 + ["test"] * 2),
                "y": np.arange(10) // 5,
            },
            "split given: train|val lacks class 0",
        ),
        ({"x": np.zeros((3, 2, 6)), "y": np.array([0, 1, 0])}, "too few to be split"),
        ({"x": np.zeros((1, 2, 6)), "y": np.array([0])}, "1 sample, too few to be split"),
        ({"split": np.zeros(10, int)}, "split is not train, val or test"),
        ({"split": np.array(["train", "dev"] * 5)}, "split is not train, val or test"),
    ],
)
def test_arrays_that_make_no_sense_are_told(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    np.savez(tmp_path / "own.npz", **arrays(**changes))
    with pytest.raises(KitError, match=words):
        create("own", tmp_path / "own.npz", tmp_path)
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize(
    "columns",
    [
        {"p": [None, *np.linspace(0, 1, 9)]},
        {"p": [None, *"ababababa"]},
        {"p": [0.5, *np.linspace(0, 1, 9)], "q": [None, *np.linspace(0, 1, 9) ** 2]},
    ],
)
def test_samples_without_an_answer_are_left_out_if_asked(
    tmp_path: Path, columns: dict[str, Any]
) -> None:
    from pyarrow import parquet, table

    file = tmp_path / "own.parquet"
    parquet.write_table(table({"x": np.arange(10.0), "time": np.arange(10), **columns}), file)
    ask = Ask(targets=tuple(columns), reading=Reading(columns=("x",)), time="time")
    with pytest.raises(DataError, match=r"y lacks 1 (value|label); --labelled-only leaves"):
        read(file, ask)
    own = read(file, dataclasses.replace(ask, labelled_only=True))
    assert own.x.reshape(-1).tolist() == list(range(1, 10))
    assert own.split.tolist() == [0] * 5 + [1] * 2 + [2] * 2
    assert any("1 sample without an answer left out" in line for line in own.card)


def test_files_and_names_that_are_none(tmp_path: Path) -> None:
    np.savez(tmp_path / "half.npz", x=np.zeros((4, 5)))
    (tmp_path / "text.npz").write_text("text")
    np.save(tmp_path / "bare.npy", np.zeros((4, 5)))
    objects = np.empty(2, object)
    np.savez(tmp_path / "objects.npz", x=objects, y=objects)
    np.savez(tmp_path / "dates.npz", x=np.zeros((4, 5)), y=np.zeros(4, "M8[D]"))
    for name, file, words in (
        ("own", "none.npz", "no such file"),
        ("own", "half.npz", "no array 'y'"),
        ("own", "text.npz", "not an .npz file"),
        ("own", "bare.npy", "no array 'y'"),
        ("own", "objects.npz", "Python objects in place of numbers"),
        ("own", "objects.npz", r"save them after astype\(str\) or astype\(float\)"),
        ("own", "dates.npz", r"dates, dtype '<M8\[D\]'; save them after astype\(str\)"),
        ("My Task", "half.npz", "is no task name.*, such as 'my-task'$"),
        ("2_Été", "half.npz", "a letter comes first, such as 'ete'$"),
        ("class", "half.npz", "'class' is no task name.*a letter comes first$"),
    ):
        with pytest.raises(KitError, match=words):
            create(name, tmp_path / file, tmp_path)


@pytest.mark.parametrize(
    "name", ['a"""b.npz', "back\\slash \\x.npz", "new\nline.npz", "\udcff ü.npz"]
)
def test_names_of_files_break_no_task(name: str, digits: Path, tmp_path: Path) -> None:
    shutil.copy(digits, tmp_path / name)
    made = create(f"own-{next(NUMBERS)}", tmp_path / name, tmp_path)
    source = (made / "task.py").read_text()
    compile(source, "task.py", "exec", dont_inherit=True)
    assert "\\u" not in source, "Python 3.13 refuses half a character, even escaped, in a docstring"
    assert (made / "README.md").read_text().startswith("# Own")


def test_a_full_disk_leaves_no_half_of_a_task(digits: Path, tmp_path: Path) -> None:
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    words = f"new task full --from '{digits}'"
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 1; exec {sys.executable} -m kit {words}"],
        env={**os.environ, "KIT_TASKS": str(tasks)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == f"kit: {tasks / 'full' / 'data.npz'}: File too large\n"
    assert list(tasks.iterdir()) == []


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    """An own task of 1,200 samples, prepared."""
    random, tasks = np.random.default_rng(0), tmp_path / "tasks"
    tasks.mkdir()
    monkeypatch.setenv("KIT_TASKS", str(tasks))
    x = random.random((1200, 1, 8)).astype("f4")
    np.savez(tmp_path / "own.npz", x=x, y=(x.mean((1, 2)) > 0.5).astype(int))
    # Modules are imported once per process and name.
    name = f"own-{next(NUMBERS)}"
    create(name, tmp_path / "own.npz", tasks)
    preparing.prepare(task.find(name), "sample", "paper")
    return task.find(name)


def test_edited_arrays_are_noticed_until_they_are_prepared_again(own: Task, kit: Run) -> None:
    file = own.folder / "data.npz"
    with np.load(file) as data:
        arrays = dict(data)
    # Touched, or written with the same content: nothing has changed.
    content = file.read_bytes()
    file.write_bytes(content)
    os.utime(file, (1, 1))
    open_prepared(own, "sample", "paper")
    np.savez_compressed(file, **arrays | {"y": 1 - arrays["y"]})
    mend = f"run 'kit data prepare {own.name}"
    with pytest.raises(
        DataError, match=rf"data\.npz changed since {own.name} was prepared; {mend}"
    ):
        open_prepared(own, "sample", "paper")
    assert "changed" in preparing.check(own)["sample"]
    (row,) = (
        each
        for each in json.loads(kit("data", "list", "--format", "json").stdout)
        if each["task"] == own.name
    )
    assert (row["ready"], row["outdated"]) == (False, True)
    assert f"kit data prepare {own.name} --tier sample" in row["detail"]
    assert kit("data", "verify", own.name).returncode == 1
    done = kit("run", own.name, "constant", "--profile", "lite", "--seed", "0")
    assert done.returncode in (1, 2)
    assert f"changed since {own.name} was prepared" in done.stderr
    assert kit("data", "prepare", own.name).returncode == 0
    assert kit("data", "verify", own.name).returncode == 0
    file.unlink()
    open_prepared(own, "sample", "paper")


def test_own_samples_are_all_used_but_for_smoke(own: Task) -> None:
    sizes = {}
    for profile in PROFILES:
        config = method.find("wrn").settings(own, "clean", profile, "sample").data
        prepared = open_prepared(own, "sample", profile)
        sizes[profile] = {
            role: len(shares.samples(own, prepared, config, role)) for role in ("tune_fit", "test")
        }
    assert sizes["lite"] == sizes["paper"] == {"tune_fit": 720, "test": 240}
    assert sizes["smoke"] == {"tune_fit": 32, "test": 16}
