"""Columns of text files: cells with line ends, and commas within numbers."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from kit.data.new_task import read
from kit.data.own.reading import Ask, Reading
from kit.errors import KitError

# Numbers with a decimal comma, of which whole ones have none, as spreadsheets write them.
ROWS = [
    (f"{row},5", ("7", "-2,25")[row % 3 == 0], ("1,500", "2")[row % 2], "uv"[row % 5 > 1])
    for row in range(20)
]
PLAIN = [(f"{row}.5", f"{row % 7}", "uv"[row % 2]) for row in range(20)]
X = [[row + 0.5, (7, -2.25)[row % 3 == 0], (1.5, 2)[row % 2]] for row in range(20)]


def write(folder: Path, head: str, rows: Sequence[Sequence[str]]) -> Path:
    file = folder / "a.csv"
    file.write_text("\n".join([head, *(";".join(row) for row in rows)]) + "\n")
    return file


def test_lines_within_cells_are_no_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a large file end within such cells, too."""
    file = write(tmp_path, "a;b;c;label;note", [(*row, '"1\n2;3;4;u;5"') for row in ROWS])
    for size in range(60, 260, 20):
        monkeypatch.setattr("kit.data.own.text.BLOCK", size)
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
    own = read(write(tmp_path, "a;c;d;label", [(row[0], row[2], *row[2:]) for row in ROWS]))
    told = [line for line in own.card if "part thousands" in line]
    assert told == ["note     column 'c' and 1 more: if its commas part thousands, take them out"]
    file = write(tmp_path, "c;label", [row[2:] for row in ROWS])
    with pytest.raises(KitError, match=r"would be numbers without the signs in '1,500'"):
        read(file)


def test_labels_parted_by_commas_are_no_numbers(tmp_path: Path) -> None:
    rows = [(row[0], row[1], ("3", "1,3", "1,2")[at % 3]) for at, row in enumerate(ROWS)]
    own = read(write(tmp_path, "a;b;y", rows), Ask(targets=("y",), kind="multi-label"))
    assert own.answers.names == ("1", "2", "3")
    np.testing.assert_array_equal(own.x[:, 0], np.array(X)[:, :2])


@pytest.mark.parametrize("word", ["n.d.", "-", "<NA>"])
def test_a_word_among_numbers_is_told(word: str, tmp_path: Path) -> None:
    """Without it, its column would be one of the inputs."""
    rows = [*PLAIN[:7], (word, *PLAIN[7][1:]), *PLAIN[8:]]
    file = write(tmp_path, "a;b;label", rows)
    own = read(file)
    assert f"warning  column 'a' has words among its numbers, such as {word!r}" in own.card
    for ask in Ask(reading=Reading(columns=("a",))), Ask(targets=("a",), kind="regression"):
        with pytest.raises(KitError, match=f"holds words.* such as '{word}'"):
            read(file, ask)
    file = write(tmp_path, "a;label", [(row[0], row[2]) for row in rows])
    with pytest.raises(KitError, match=f"no numeric column .* numbers, such as '{word}'"):
        read(file)


def test_another_minus_is_told(tmp_path: Path) -> None:
    own = read(write(tmp_path, "a;b;label", [("\N{MINUS SIGN}1.5", *row[1:]) for row in PLAIN]))
    words = "column 'a' would be numbers without the signs in '\N{MINUS SIGN}1.5'"
    assert f"warning  {words}" in own.card


def test_several_flags_of_which_one_is_missing(tmp_path: Path) -> None:
    rows = [(row[0], ("true", "false", "")[at % 3], "true") for at, row in enumerate(PLAIN)]
    rows[0] = (*rows[0][:2], "false")
    ask = Ask(targets=("b", "c"), labelled_only=True)
    assert read(write(tmp_path, "a;b;c", rows), ask).answers.kind == "multi-label"


def test_files_whose_columns_have_another_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    half = [PLAIN[:9], [row[::-1] for row in PLAIN[9:]]]
    files = [write(tmp_path, "a;b;label", half[0]), write(tmp_path / "b", "label;b;a", half[1])]
    own = read([str(each) for each in files])
    assert own.x[:, 0].tolist() == [[float(a), float(b)] for a, b, _ in PLAIN]
    files[1].write_text("label;b;c\n" + "u;1;2\n")
    with pytest.raises(KitError, match="has other columns than"):
        read([str(each) for each in files])


def test_a_workbook_that_is_called_csv(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.csv", "w") as archive:
        archive.writestr("xl/workbook.xml", "<a/>")
    with pytest.raises(KitError, match=r"a.csv is a zip archive, as workbooks .* save it as"):
        read(tmp_path / "a.csv")
