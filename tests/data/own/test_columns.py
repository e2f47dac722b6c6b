"""Columns of text files: cells with line ends, and commas within numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from kit.data.new_task import read
from kit.data.own.reading import Ask
from kit.errors import KitError

# Numbers with a decimal comma, of which whole ones have none, as spreadsheets write them.
ROWS = [
    (f"{row},5", ("7", "-2,25")[row % 3 == 0], ("1,500", "2")[row % 2], "uv"[row % 5 > 1])
    for row in range(20)
]
X = [[row + 0.5, (7, -2.25)[row % 3 == 0], (1.5, 2)[row % 2]] for row in range(20)]


def write(folder: Path, head: str, rows: Sequence[Sequence[str]]) -> Path:
    file = folder / "a.csv"
    file.write_text("\n".join([head, *(";".join(row) for row in rows)]) + "\n")
    return file


def test_lines_within_cells_are_no_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a large file end within such cells, too."""
    file = write(tmp_path, "a;b;c;label;note", [(*row, '"1\n2;3;4;u;5"') for row in ROWS])
    for size in range(60, 260, 20):
        monkeypatch.setattr("kit.data.own.columns.BLOCK", size)
        assert read(file).x[:, 0].tolist() == X


def test_whole_numbers_have_no_decimal_comma(tmp_path: Path) -> None:
    own = read(write(tmp_path, "a;b;c;label", ROWS))
    assert own.x[:, 0].tolist() == X
    own = read(write(tmp_path, "b;label", [(row[1], row[3]) for row in ROWS]))
    assert own.x[:, 0, 0].tolist() == [row[1] for row in X]


def test_commas_that_may_part_thousands_are_told(tmp_path: Path) -> None:
    own = read(write(tmp_path, "a;b;c;label", ROWS))
    told = [line for line in own.card if "part thousands" in line]
    assert told == ["note     column 'c': if its commas part thousands, take them out"]
    file = write(tmp_path, "c;label", [row[2:] for row in ROWS])
    with pytest.raises(KitError, match=r"would be numbers without the signs in '1,500'"):
        read(file)


def test_labels_parted_by_commas_are_no_numbers(tmp_path: Path) -> None:
    rows = [(row[0], row[1], ("3", "1,3", "1,2")[at % 3]) for at, row in enumerate(ROWS)]
    own = read(write(tmp_path, "a;b;y", rows), Ask(targets=("y",), kind="multi-label"))
    assert own.answers.names == ("1", "2", "3")
    np.testing.assert_array_equal(own.x[:, 0], np.array(X)[:, :2])
