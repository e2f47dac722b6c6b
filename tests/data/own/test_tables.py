"""Columns of tables: which of them are inputs, and warnings about what they tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kit import task
from kit.data.new_task import Own, create, read
from kit.data.own import files
from kit.data.own.reading import Ask, Missing, Reading, Stated
from kit.errors import KitError
from kit.export import inputs
from kit.settings import DataConfig

COUNT = 60
RANDOM = np.random.default_rng(0)
A = RANDOM.normal(size=COUNT)
LABEL = np.where(np.arange(COUNT) % 3 == 0, "no", "yes")


def write(folder: Path, **columns: object) -> Path:
    """Write columns as CSV, None as an empty cell."""
    rows = zip(*(np.asarray(each, object) for each in columns.values()), strict=True)
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
    file = folder / "t.csv"
    file.write_text("\n".join([",".join(columns), *lines]) + "\n")
    return file


def warnings(own: Own) -> list[str]:
    return [line.removeprefix("warning  ") for line in own.card if line.startswith("warning")]


def test_inputs_that_tell_the_answer(tmp_path: Path) -> None:
    codes = np.where(LABEL == "no", 7, 3)
    found = read(write(tmp_path, a=A, code=codes, label=LABEL))
    assert "column 'code' is one to one with 'label'" in warnings(found)
    y = np.array([None if row == 5 else value for row, value in enumerate(A * 2)], object)
    found = read(write(tmp_path, a=A, b=A * 2, y=y), Ask(labelled_only=True))
    assert "column 'b' is a copy of 'y'" in warnings(found), "where there is an answer"
    found = read(write(tmp_path, a=A, b=A * 3, y=A * 2))
    assert warnings(found) == [], "numbers that all differ are one to one with any others"


def test_numbers_of_rows_in_any_order(tmp_path: Path) -> None:
    found = read(write(tmp_path, a=A, n=RANDOM.permutation(COUNT) + 1, label=LABEL))
    assert "column 'n' counts the rows" in warnings(found)


def test_booleans_with_gaps_are_inputs_with_missing_values(tmp_path: Path) -> None:
    flag = [None if row % 7 == 0 else row % 2 == 0 for row in range(COUNT)]
    file = write(tmp_path, a=A, flag=flag, label=LABEL)
    with pytest.raises(KitError, match=r"x lacks 9 of 120 values.*--missing"):
        read(file)
    own = read(file, Ask(reading=Reading(missing="zero")))
    assert own.reading.columns == ("a", "flag")
    assert own.x[:, 0, 1].tolist() == [float(bool(each)) for each in flag]
    own = read(write(tmp_path, a=A, label=flag), Ask(labelled_only=True))
    assert own.answers.names == ("False", "True")


def test_gaps_in_what_is_to_be_predicted_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_TASKS", str(tmp_path / "tasks"))
    create("mine", write(tmp_path, a=A, b=A * 2, label=LABEL), tmp_path / "tasks")
    gaps = write(tmp_path, a=[None, 1.5], b=[2, 3])
    with pytest.raises(KitError, match=r"t\.csv: x lacks 1 of 4 values; fill them, or .* anew"):
        inputs.read([str(gaps)], task.find("mine"), DataConfig())


def test_gaps_filled_by_a_mean_of_other_columns_are_told(tmp_path: Path) -> None:
    income = 1e5 + 1e4 * A
    age = np.array([None if row % 7 == 0 else 20 + row for row in range(COUNT)], object)
    file = write(tmp_path, income=income, age=age, label=LABEL)
    words = "column 'age': gaps are filled by "
    hows: tuple[Missing, ...] = ("mean", "mask")
    for missing in hows:
        told = warnings(read(file, Ask(reading=Reading(missing=missing))))
        assert [each for each in told if each.startswith(words)]
        told = warnings(read(file, Ask(reading=Reading(missing=missing, rows="channels"))))
        assert not [each for each in told if "gaps" in each]
    told = warnings(read(file, Ask(reading=Reading(missing="zero"))))
    assert not [each for each in told if "gaps" in each]
    near = np.array([None if row % 7 == 0 else A[row] for row in range(COUNT)], object)
    file = write(tmp_path, a=RANDOM.normal(size=COUNT), b=near, label=LABEL)
    assert warnings(read(file, Ask(reading=Reading(missing="mean")))) == []
    nothing = write(tmp_path, a=A, b=[None] * COUNT, label=LABEL)
    assert warnings(read(nothing, Ask(reading=Reading(missing="mean"))))[0].startswith("column 'b'")


def test_copies_in_other_folds_are_named_by_their_numbers_in_the_file(tmp_path: Path) -> None:
    a = np.concatenate([A[:20], np.tile(A[20:24], 10)])
    y = np.array([None if row < 20 else LABEL[row] for row in range(COUNT)], object)
    own = read(write(tmp_path, a=a, label=y), Ask(labelled_only=True))
    (line,) = [each for each in warnings(own) if "also in train" in each]
    numbers = [int(each) for each in line.rpartition(": ")[2].split(", ")]
    assert min(numbers) >= 20, "the first twenty are left out"


def test_a_task_says_what_to_do_after_a_change_of_its_metrics(tmp_path: Path) -> None:
    made = create("mine", write(tmp_path, a=A, label=LABEL), tmp_path / "tasks")
    assert "raise `version`" in (made / "README.md").read_text()


def test_steps_that_words_order_are_told_of(tmp_path: Path) -> None:
    """Among words, t10 comes before t2, and the first of February before the second of January."""
    steps = np.arange(COUNT) % 12
    sample = np.arange(COUNT) // 12
    orders = {"day": [f"{step + 1:02}/02/2020" for step in steps], "step": steps}
    split = np.array(["train", "train", "val", "test", "test"])[sample]
    told = {}
    for name, order in orders.items():
        file = write(tmp_path, sample=sample, order=order, a=A, y=A, split=split)
        ask = Ask(
            reading=Reading(sequence="sample", order="order", columns=("a",)),
            targets=("y",),
            kind="dense",
        )
        told[name] = [each for each in warnings(read(file, ask)) if "letter by letter" in each]
    assert told["step"] == []
    assert told["day"][0].endswith("from 01/02/2020 to 12/02/2020")


def test_names_are_as_they_are_written(tmp_path: Path) -> None:
    """As numbers, 007 would be 7, and 1e3 would be 1000.0, in the answers of ``kit predict``."""
    names = [f"{row:03d}" for row in range(COUNT - 3)] + ["1e3", "2020-01-02 10:00", "0x1F"]
    for given in (names, names[:-2], names[:-3]):
        rows = len(given)
        file = write(tmp_path, id=given, a=A[:rows], label=LABEL[:rows])
        own = read(file, Ask(reading=Reading(identity="id")))
        assert own.reading.columns == ("a",)
        again = files.read([str(file)], Ask(reading=own.reading, answers=False))
        assert again.ids == given
        assert warnings(own) == []
    steps = [f"{row // 6:03d}" for row in range(COUNT)]
    file = write(tmp_path, sample=steps, a=A, label=np.repeat(LABEL[: COUNT // 6], 6))
    asked = Ask(reading=Reading(sequence="sample"), answers=False)
    assert files.read([str(file)], asked).ids == steps[::6]


def test_classes_that_are_codes_keep_their_zeros(tmp_path: Path) -> None:
    codes = np.array(["01", "1", "10"])[np.arange(COUNT) % 3]
    own = read(write(tmp_path, a=A, label=codes))
    assert (own.answers.names, warnings(own)) == (("01", "1", "10"), [])
    with pytest.raises(KitError, match="'01'"):
        read(write(tmp_path, a=A, label=["01", *["1", "2"] * (COUNT // 2)][:COUNT]))
    amounts = read(write(tmp_path, a=A, y=codes), Ask(kind="regression"))
    assert set(amounts.answers.y[:, 0].tolist()) == {1, 10}
    two = [write(tmp_path, a=A, label=codes).rename(tmp_path / "1.csv")]
    two += [write(tmp_path, a=A + 1, label=np.full(COUNT, 10)).rename(tmp_path / "2.csv")]
    assert read([str(each) for each in two]).answers.names == ("01", "1", "10")


def test_groups_whose_numbers_are_beyond_integers(tmp_path: Path) -> None:
    groups = [(row % 10 + 1) * 10**19 for row in range(COUNT)]
    file = write(tmp_path, a=A, g=groups, label=LABEL)
    own = read(file, Ask(reading=Reading(columns=("a",)), group="g"))
    folds = {(group, fold) for group, fold in zip(groups, own.split.tolist(), strict=True)}
    assert len(folds) == 10, "each group in one fold"


@pytest.mark.parametrize("word", ["nan", "None", ""])
def test_missing_answers_that_became_words(word: str, tmp_path: Path) -> None:
    """As by numpy's ``astype(str)``, which ``kit new task`` advises for arrays of objects."""
    y = np.where(np.arange(COUNT) % 6 == 1, word, LABEL)
    np.savez(tmp_path / "a.npz", x=A[:, None], y=y)
    told = f"class {word!r} may be of samples without an answer; leave them out"
    assert told in warnings(read(tmp_path / "a.npz"))


def test_lists_are_several_labels(tmp_path: Path) -> None:
    labels = [["b c", "a"], ["a"], [], ["d"]] * (COUNT // 4)
    pq.write_table(pa.table({"a": A, "label": pa.array(labels)}), tmp_path / "a.parquet")
    answers = read(tmp_path / "a.parquet", Ask(kind="multi-label")).answers
    assert answers.names == ("a", "b c", "d")
    assert answers.y[:4].tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 1]]
    labels[5] = ["a|b"]
    pq.write_table(pa.table({"a": A, "label": pa.array(labels)}), tmp_path / "a.parquet")
    with pytest.raises(KitError, match=r"column 'label' has the label 'a\|b'; lists are read"):
        read(tmp_path / "a.parquet", Ask(kind="multi-label"))
    table = pa.table({"a": A, "y": LABEL, "tags": pa.array(labels)})
    pq.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").answers.names == ("no", "yes")


@pytest.mark.parametrize("kind", [None, "regression"])
def test_lists_that_are_not_said_to_be_labels(kind: Stated | None, tmp_path: Path) -> None:
    pairs = pa.array([[1.0 * row, row % 2] for row in range(COUNT)])
    words = r"column 'label' holds lists; if of labels, say --kind multi-label; numbers need a col"
    for kind_of in (pa.list_(pa.float64()), pa.large_list(pa.float64()), pa.list_(pa.float64(), 2)):
        column = pairs.cast(kind_of)
        pq.write_table(pa.table({"a": A, "label": column}), tmp_path / "a.parquet")
        with pytest.raises(KitError, match=words):
            read(tmp_path / "a.parquet", Ask(kind=kind))
    told = read(tmp_path / "a.parquet", Ask(kind="multi-label")).answers
    assert set(map(float, told.names)) == set(range(COUNT))
    for column in (
        [{"u": 1}] * COUNT,
        pa.array([[("u", 1)]] * COUNT, pa.map_(pa.string(), pa.int64())),
    ):
        pq.write_table(pa.table({"a": A, "label": column}), tmp_path / "a.parquet")
        with pytest.raises(KitError, match="'label' holds structures; write the answers as a col"):
            read(tmp_path / "a.parquet", Ask(kind=kind))


def test_numbers_that_are_words_are_told_of(tmp_path: Path) -> None:
    words = [str(row % 7) for row in range(COUNT)]
    pq.write_table(pa.table({"a": A, "n": words, "label": LABEL}), tmp_path / "a.parquet")
    assert warnings(read(tmp_path / "a.parquet")) == [
        "column 'n' holds numbers as words, such as '0'"
    ]


def test_zeros_behind_a_short_sample_are_in_no_mean(tmp_path: Path) -> None:
    """A sample without an answer is left out together with its steps."""
    rows = [(sample, step) for sample in range(12) for step in range(2 + 4 * (sample == 0))]
    file = write(
        tmp_path,
        s=[sample for sample, _ in rows],
        a=[None if step == 1 else 50 for _, step in rows],
        label=[None if sample == 0 else "uv"[sample % 2] for sample, _ in rows],
    )
    for size, kept in ((4, 4), (1, 1)):
        reading = Reading(sequence="s", size=(size,), missing="mean")
        own = read(file, Ask(reading=reading, labelled_only=True))
        assert own.reading.fill == (50.0,)
        assert own.x.shape == (11, 1, kept)
        assert set(own.x.ravel().tolist()) == ({50.0, 0.0} if size == 4 else {50.0})
