"""Tables: what a query answers, files, partial tables put together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from kit.spaces.nas_bench_201 import Cell, Table, files
from kit.spaces.nas_bench_201.cell import classes, strings
from kit.spaces.nas_bench_201.files import KEY, check, merged
from tests.spaces.nas_bench_201.made import table

SMALL = table(range(0, 60, 3), epochs=4)


def same(one: Table, other: Table) -> bool:
    return (
        one.header == other.header
        and all(
            np.array_equal(getattr(one, name), getattr(other, name))
            for name in ("cells", "trained", "parameters", "multiply_adds")
        )
        and one.curves.keys() == other.curves.keys()
        and all(
            np.array_equal(one.curves[name], other.curves[name], equal_nan=True)
            for name in one.curves
        )
    )


def test_a_query_answers_by_number_string_and_genotype() -> None:
    cell = Cell.of(9)
    expected = SMALL.info(9, 1)
    assert SMALL.info(cell.string, 1) == SMALL.info(cell, 1) == expected
    assert expected["valtest-accuracy"] == SMALL.score(9, 1)
    train, once = expected["train-all-time"], expected["valtest-per-time"]
    assert train is not None
    assert once is not None
    assert SMALL.seconds(9, 1) == train + once
    assert SMALL.info(9) == SMALL.info(9, 3)
    assert 9 in SMALL
    assert 10 not in SMALL
    best = SMALL.best()
    assert SMALL.score(best) == max(SMALL.score(each) for each in SMALL.cells.tolist())


def test_what_is_not_known_is_none() -> None:
    curves = {name: curve.copy() for name, curve in SMALL.curves.items()}
    curves["train-seconds"][:] = np.nan
    curves["valtest-accuracy"][0] = np.nan
    partial = replace(SMALL, curves=curves)
    assert partial.info(0)["train-all-time"] is None
    assert partial.info(0)["valtest-accuracy"] is None
    assert np.isnan(partial.errors()[0])
    assert np.isfinite(partial.errors()[1:]).all()


def test_cells_of_a_class_share_a_training_and_have_costs_of_their_own() -> None:
    first = classes()
    number = next(
        each for each in range(len(first)) if first[each] < 60 and first[each] % 3 == 0 != each % 3
    )
    shared = table([number, *range(0, 60, 3)], epochs=4, shared=True)
    assert shared.info(number) == shared.info(first[number])
    assert shared.score(number, 2) == shared.score(first[number], 2)
    assert len(shared.curves["train-loss"]) < len(shared)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (lambda: SMALL.info(1), "cell 1, .* is not in the table, which has 20 of 15625"),
        (lambda: SMALL.info(99999), "numbered from 0 to 15624"),
        (lambda: SMALL.info("|x~0|"), "3 nodes"),
        (lambda: SMALL.info(0, 4), "epochs are numbered from 0 to 3, not 4"),
        (lambda: SMALL.score(0, -1), "not -1"),
        (lambda: SMALL.score(0, None, "test"), "the table has valtest, no 'test'"),
    ],
)
def test_wrong_queries_are_refused(asked: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        asked()


@pytest.mark.parametrize("shared", [False, True])
def test_files_hold_whole_tables(tmp_path: Path, shared: bool) -> None:
    made = table(range(40), epochs=3, shared=shared, sets=("valid", "test"))
    files.write(made, tmp_path / "t.parquet")
    assert same(files.read(tmp_path / "t.parquet"), made)


def test_all_cells_at_12_epochs_stay_below_20_megabytes(tmp_path: Path) -> None:
    made = table()
    for curve in made.curves.values():
        curve[:] = np.random.default_rng(0).random(curve.shape)  # nothing to compress
    files.write(made, tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 20e6


def damaged(content: bytes) -> bytes:
    return content[: len(content) // 2]


def no_table(content: bytes) -> bytes:
    del content
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table({"a": [1]}), sink)
    found: bytes = sink.getvalue().to_pybytes()
    return found


def changed(**columns: Any) -> Any:
    def change(content: bytes) -> bytes:
        found = parquet.read_table(pa.BufferReader(content))
        metadata = found.schema.metadata
        for name, value in columns.items():
            place = found.column_names.index(name)
            found = (
                found.remove_column(place)
                if value is None
                else found.set_column(place, name, pa.array(value(found[name].to_pylist())))
            )
        sink = pa.BufferOutputStream()
        parquet.write_table(found.replace_schema_metadata(metadata), sink)
        made: bytes = sink.getvalue().to_pybytes()
        return made

    return change


def other_header(**values: Any) -> Any:
    def change(content: bytes) -> bytes:
        found = parquet.read_table(pa.BufferReader(content))
        sink = pa.BufferOutputStream()
        header = msgspec.json.encode({"task": "ninapro", "epochs": 4, "seed": 1, **values})
        parquet.write_table(found.replace_schema_metadata({KEY: header}), sink)
        made: bytes = sink.getvalue().to_pybytes()
        return made

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (damaged, "no whole Parquet file"),
        (lambda content: b"", "no whole Parquet file"),
        (no_table, "no table of NAS-Bench-201"),
        (other_header(epochs="many"), "no table of NAS-Bench-201 .*epochs"),
        (other_header(full=0), "0 is no accuracy of a cell without error"),
        (changed(string=lambda each: each[::-1]), "cell 0 is .*, not '"),
        (changed(index=lambda each: [n + 20_000 for n in each]), "others that are not in it"),
        (changed(trained=lambda each: [each[0]] * len(each)), "4 epochs|points to cell 0"),
        (changed(parameters=None), "no table of NAS-Bench-201 .*parameters"),
        (changed(**{"train-loss": None}), "train-loss"),
        (changed(parameters=lambda each: [-n for n in each]), "negative number"),
        (changed(index=lambda each: [None, *each[1:]]), "cells has no number for each cell"),
        (changed(index=lambda each: [n + 0.5 for n in each]), "no table .*truncated"),
        (changed(index=lambda each: [[n] for n in each]), "no table of NAS-Bench-201"),
        (changed(**{"train-loss": lambda each: [1.0 for _ in each]}), "no table .*list"),
        (changed(**{"train-loss": lambda each: [{"a": 1.0} for _ in each]}), "no table .*list"),
        (changed(**{"train-loss": lambda each: [["x"] * 4 for _ in each]}), "no table .*x"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path: Path, change: Any, said: str) -> None:
    file = tmp_path / "t.parquet"
    files.write(SMALL, file)
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(ValueError, match=said) as caught:
        files.read(file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.parquet: No such file"):
        files.read(tmp_path / "none.parquet")


def test_parts_make_the_whole() -> None:
    parts = [SMALL.of(range(30)), SMALL.of(range(24, 60))]
    assert same(merged(parts), SMALL)
    assert same(merged([SMALL, SMALL]), SMALL)


def test_a_part_answers_as_the_whole_without_the_cells_that_were_trained(tmp_path: Path) -> None:
    whole = table(range(400), epochs=2, shared=True)
    chosen = [number for number in range(399, -1, -3) if classes()[number] != number]
    part = whole.of(chosen)
    assert len(set(part.trained.tolist())) < len(part) == len(chosen)
    for number in chosen:
        assert part.info(number) == whole.info(number)
    files.write(part, tmp_path / "part.parquet")
    assert same(files.read(tmp_path / "part.parquet"), part)


def test_a_cell_trained_itself_comes_before_one_that_points_elsewhere() -> None:
    shared, own = table(range(200), epochs=2, shared=True), table(range(200), epochs=2)
    both = merged([shared, own])
    assert np.array_equal(both.cells, both.trained)
    check(both, [strings()[each] for each in both.cells.tolist()])


def test_seconds_may_differ_between_machines() -> None:
    curves = {
        name: curve * (2 if name.endswith("seconds") else 1) for name, curve in SMALL.curves.items()
    }
    assert same(merged([SMALL, replace(SMALL, curves=curves)]), SMALL)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"seed": 1}, "seed 777 of one is not 1"),
        ({"task": "ecg"}, "task 'ninapro' of one is not 'ecg'"),
        ({"epochs": 5}, "epochs 4 of one is not 5"),
    ],
)
def test_tables_of_different_kinds_are_not_merged(other: dict[str, Any], said: str) -> None:
    header = msgspec.structs.replace(SMALL.header, **other)
    with pytest.raises(ValueError, match=said):
        merged([SMALL, replace(SMALL, header=header)])


def test_tables_that_contradict_each_other_are_not_merged() -> None:
    curves = {name: curve.copy() for name, curve in SMALL.curves.items()}
    curves["valtest-loss"][1, 2] += 1
    with pytest.raises(ValueError, match="cell 3: valtest-loss of epoch 2 is"):
        merged([SMALL, replace(SMALL, curves=curves)])
    with pytest.raises(ValueError, match=r"cell 0 has \d+ parameters"):
        merged([SMALL, replace(SMALL, parameters=SMALL.parameters + 1)])


def test_a_table_is_held_to_the_classes_of_the_space() -> None:
    trained = SMALL.trained.copy()
    trained[1] = 0
    curves = {name: np.delete(curve, 1, 0) for name, curve in SMALL.curves.items()}
    with pytest.raises(ValueError, match="cell 3 points to cell 0, which cannot stand for it"):
        check(replace(SMALL, trained=trained, curves=curves))
