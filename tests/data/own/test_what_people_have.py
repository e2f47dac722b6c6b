"""Files as people have them: taken as they are meant, or refused in a line that says what to do."""

from __future__ import annotations

import bz2
import datetime
import gzip
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from PIL import Image

from kit.data.new_task import read
from kit.data.own import files
from kit.data.own.reading import Ask, Reading
from kit.errors import KitError

RANDOM = np.random.default_rng(0)
ROWS = [
    (f"{a:.3f}", f"{b:.2f}", ("no", "yes")[row % 2])
    for row, (a, b) in enumerate(RANDOM.normal(size=(20, 2)))
]
X = [[[float(a), float(b)]] for a, b, _ in ROWS]
UTF16 = "utf-16"


def table(
    head: str = "a,b,label", sign: str = ",", end: str = "\n", rows: Sequence[Sequence[str]] = ROWS
) -> str:
    lines = [head.replace(",", sign), *(sign.join(row) for row in rows)]
    return end.join(lines) + end


def pointless(sign: str) -> str:
    """Numbers with a decimal comma."""
    return table(sign=sign).replace(".", ",")


def write(file: Path, content: str | bytes) -> None:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())


def dated(write: Callable[[int], str]) -> str:
    rows = [(write(row % 28 + 1), *words) for row, words in enumerate(ROWS)]
    return table("day,a,b,label", rows=rows)


TAKEN: dict[str, str | bytes] = {
    "name.csv": table(),
    "a name (1) ü 数.csv": table("größe,длина,label"),
    "packed.csv.gz": gzip.compress(table().encode()),
    "packed.csv.bz2": bz2.compress(table().encode()),
    "packed, not named so.csv": gzip.compress(table().encode()),
    "semicolon.csv": table(sign=";"),
    "bar.txt": table(sign="|"),
    "space.txt": table(sign=" "),
    "decimal comma.csv": pointless(";"),
    "decimal comma.tsv": pointless("\t"),
    "mark of order.csv": b"\xef\xbb\xbf" + table().encode(),
    "wide.csv": table().encode(UTF16),
    "windows.csv": table(end="\r\n"),
    "old mac.csv": table(end="\r"),
    "space after comma.csv": table().replace(",", ", "),
    "said by excel.csv": "sep=;\r\n" + table(sign=";", end="\r\n"),
    "signs in a name.csv": table('"a;b|c;d;e",b,label'),
    "a long row.csv": table(
        "a,b,label,note", rows=[(*row, "n" * (1 + 2_000_000 * (row == ROWS[3]))) for row in ROWS]
    ),
    "lines in a name.csv": table('"a\r\nof, all; me",b,label'),
    "lines in a name, said.csv": "sep=;\n" + table('"a\nof | all",b,label', ";"),
    "inches in a name.csv": table('a 5",b 3",label'),
    "quoted.csv": table('"a, first",b,label', rows=[(f'"{a}"', b, f'"{c}"') for a, b, c in ROWS]),
}


@pytest.mark.parametrize("name", TAKEN)
def test_tables_of_many_programs(name: str, tmp_path: Path) -> None:
    content = TAKEN[name]
    file = tmp_path / name
    write(file, content)
    own = read(file)
    assert own.answers.names == ("no", "yes")
    np.testing.assert_array_equal(own.x, np.array(X, np.float32))
    comma = any("have a decimal comma" in line for line in own.card)
    assert comma == name.startswith("decimal comma")


def test_points_and_commas_together_are_no_decimal_commas(tmp_path: Path) -> None:
    """A column with points beside one with commas: those part thousands, perhaps."""
    rows = [(f"1,{row + 100}", b, c) for row, (_, b, c) in enumerate(ROWS)]
    (tmp_path / "a.csv").write_text(table(sign=";", rows=rows))
    own = read(tmp_path / "a.csv")
    assert own.x.shape == (20, 1, 1)
    assert any("column 'a' would be numbers without the signs in '1,100'" in e for e in own.card)


@pytest.mark.parametrize("word", ["3 %", "$3.50", "1,234.5", "<3", "1'000", "12 €"])
def test_numbers_with_signs_are_told_from_words(word: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table(rows=[(f'"{word}"', b, c) for _, b, c in ROWS]))
    own = read(tmp_path / "a.csv")
    assert f"warning  column 'a' would be numbers without the signs in {word!r}" in own.card
    (tmp_path / "a.csv").write_text(table(rows=[("3rd", b, c) for _, b, c in ROWS]))
    assert not any("warning" in line for line in read(tmp_path / "a.csv").card)


@pytest.mark.parametrize("write", ["2020-01-{:02d}", "2020-01-{:02d}T10:00:00+02:00", "20{:02d}"])
def test_dates_order_samples(write: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(dated(write.format))
    own = read(tmp_path / "a.csv", Ask(time="day"))
    assert own.split.tolist() == [0] * 12 + [1] * 4 + [2] * 4
    assert own.x.shape == (20, 1, 2)


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "empty.csv": ("", "no table that can be read"),
    "lines.csv": ("\n\n", "no table that can be read"),
    "head alone.csv": ("a,b,label\n", "has no rows"),
    "one column.csv": ("label\nno\nyes\n", "no numeric column is left as input"),
    "numbers in words.csv": (
        table(rows=[('"1,5"', '"2,5"', c) for _, _, c in ROWS]),
        "left as input; column 'a' would be numbers without the signs in '1,5'",
    ),
    "no head.csv": ("1,2\n3,4\n", "its first line has numbers; name the columns there"),
    "no label.csv": (table("a,b,c"), "say which column has the answers, --target NAME"),
    "twice.csv": (table("a,a,label"), "two columns have the name 'a'"),
    "ends in signs.csv": (
        table("a,label,,", rows=[("1", "no", "", "")]),
        "several columns have no",
    ),
    "torn.csv": (table() + "1,2\n", "Expected 3 columns, got 2: 1,2"),
    "aligned.txt": (table("  a    b  label", "  "), "one sign must part them, not several blanks"),
    "remark.csv": ("# from me\n" + table(), "the first line must name the columns"),
    "page.csv": ("<!DOCTYPE html>\n<html><body>\n</html>\n", "no table that can be read"),
    "head in latin-1.csv": (table("größe,b,label").encode("latin-1"), "iconv -f WINDOWS-1252"),
    "words in latin-1.csv": (table().replace("no", "nö").encode("latin-1"), "not written in UTF-8"),
    "excel.xlsx": ("PK", "not a kind of file that is read; there is .npz, .npy, .csv"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_tables_that_are_none(name: str, tmp_path: Path) -> None:
    content, words = REFUSED[name]
    file = tmp_path / name
    write(file, content)
    with pytest.raises(KitError) as told:
        read(file)
    assert words in str(told.value)
    assert name in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (Ask(targets=("lable",)), "unknown column of .* 'lable'; did you mean 'label'"),
        (Ask(reading=Reading(columns=("c",))), "unknown column of .* 'c'; there is"),
        (Ask(targets=("label", "label")), "column 'label' is asked for twice"),
        (Ask(reading=Reading(columns=("a", "a"))), "column 'a' is asked for twice"),
        (Ask(time="dya"), "unknown column of .* 'dya'; did you mean 'day'"),
        (Ask(time="day"), r"the time '13/01/2020' is neither a number nor a date such as 2020-01"),
    ],
)
def test_columns_and_dates_that_are_not_there(ask: Ask, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(dated(lambda day: f"{day + 12}/01/2020"))
    with pytest.raises(KitError, match=words):
        read(tmp_path / "a.csv", ask)


def parquet(file: Path, **columns: object) -> Path:
    written = {"a": RANDOM.normal(size=20), "label": ["no", "yes"] * 10, **columns}
    pq.write_table(pa.table(written), file)
    return file


def test_dates_of_any_year_and_times_of_day(tmp_path: Path) -> None:
    """The year 9999 is that of what has no end; as nanoseconds it would be before 1970."""
    days = [datetime.date(9999, 12, 31), *(datetime.date(2020, 1, day) for day in range(1, 20))]
    hours = [datetime.time(hour) for hour in range(20)]
    file = parquet(tmp_path / "A.PARQUET", day=days, hour=hours, index=pa.array(days))
    assert read(file, Ask(time="day")).split.tolist() == [2] + [0] * 12 + [1] * 4 + [2] * 3
    (tmp_path / "a.csv").write_text(dated("10:{:02d}".format))
    own = read(tmp_path / "a.csv")
    assert own.x.shape == (20, 1, 2)
    assert "note     left out, as no numbers: day" in own.card


def test_what_other_programs_put_into_parquet(tmp_path: Path) -> None:
    """Words as bytes, whole numbers that no float has, the index of a table."""
    words, large = [b"no", "yä".encode()] * 10, [None, *(2**60 + row % 2 for row in range(19))]
    own = read(parquet(tmp_path / "a.parquet", label=words, __index_level_0__=range(0, 60, 3)))
    assert own.answers.names == ("no", "yä")
    assert own.x.shape == (20, 1, 1)
    ask = Ask(targets=("large",), labelled_only=True)
    own = read(parquet(tmp_path / "a.parquet", large=pa.array(large)), ask)
    assert own.answers.names == (str(2**60), str(2**60 + 1))


def test_blank_cells_are_missing_values(tmp_path: Path) -> None:
    rows = [(" ", *ROWS[0][1:]), *ROWS[1:]]
    (tmp_path / "a.csv").write_text(table(rows=rows))
    with pytest.raises(KitError, match="x lacks 1 of 40 values"):
        read(tmp_path / "a.csv")


def test_answers_per_step_are_not_made_up(tmp_path: Path) -> None:
    """Inputs may end in zeros; answers of zero would be a class that nobody gave."""
    rows = [(f"s{row // 2}", *words[1:]) for row, words in enumerate(ROWS)]
    (tmp_path / "a.csv").write_text(table("s,b,label", rows=rows))
    for size, words in (((3,), "answers per step need samples of one length"), ((2,), "")):
        ask = Ask(kind="segmentation", reading=Reading(sequence="s", size=size))
        if words:
            with pytest.raises(KitError, match=words):
                read(tmp_path / "a.csv", ask)
            ask = Ask(reading=Reading(sequence="s", size=(*size, 2)))
            with pytest.raises(KitError, match="--size 3x2 is for images; say a length"):
                read(tmp_path / "a.csv", ask)
        else:
            assert read(tmp_path / "a.csv", ask).answers.names == ("no", "yes")


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (Ask(reading=Reading(size=(4,))), "--size is for samples of many rows: say --sequence"),
        (Ask(reading=Reading(columns=("x", "z"))), "one array is the input; join them first"),
        (Ask(reading=Reading(rows="channels")), "--as is not for arrays"),
        (Ask(reading=Reading(size=(4,))), "--size is not for arrays"),
        (Ask(targets=("x",)), "'x' cannot be the input and the answers"),
        (Ask(reading=Reading(columns=("x",))), "--column is for tables, not for folders"),
        (Ask(targets=("x",)), "--target needs a table of labels"),
    ],
)
def test_what_would_change_nothing_is_refused(ask: Ask, words: str, tmp_path: Path) -> None:
    x, y = RANDOM.normal(size=(20, 8)), np.arange(20) % 2
    np.savez(tmp_path / "a.npz", x=x, y=y, z=x)
    (tmp_path / "a.csv").write_text(table())
    of = "a.csv" if "many rows" in words else "images" if "label" in words else "a.npz"
    source = folder(tmp_path, ["L"]) if of == "images" or "folders" in words else tmp_path / of
    with pytest.raises(KitError, match=words):
        read(source, ask)


def test_arrays_by_usual_names(tmp_path: Path) -> None:
    x, y = RANDOM.normal(size=(20, 8)), np.arange(20) % 2
    for arrays in ({"x": x, "y": y}, {"X": x, "y": y}, {"X": x, "Y": y}):
        np.savez(tmp_path / "a.npz", allow_pickle=False, **arrays)
        assert read(tmp_path / "a.npz").x.shape == (20, 1, 8)
    np.savez(tmp_path / "a.npz", data=x, labels=y)
    with pytest.raises(KitError, match="--column NAME and --target NAME say which"):
        read(tmp_path / "a.npz")
    own = read(tmp_path / "a.npz", Ask(targets=("labels",), reading=Reading(columns=("data",))))
    assert own.x.shape == (20, 1, 8)


def test_layers_of_depth_are_channels_where_stated(tmp_path: Path) -> None:
    x = RANDOM.normal(size=(20, 2, 4, 6, 8)).astype("f4")
    y = np.arange(20) % 2
    np.savez(tmp_path / "a.npz", x=x, y=y)
    with pytest.raises(KitError, match="networks here have one or two axes; --layout NCDHW"):
        read(tmp_path / "a.npz")
    own = read(tmp_path / "a.npz", Ask(reading=Reading(layout="NCDHW")))
    np.testing.assert_array_equal(own.x, x.reshape(20, 8, 6, 8))
    np.savez(tmp_path / "a.npz", x=x.transpose(0, 2, 3, 4, 1), y=y)
    last = read(tmp_path / "a.npz", Ask(reading=Reading(layout="NDHWC")))
    np.testing.assert_array_equal(last.x, own.x)


def pixels(*shape: int) -> np.ndarray:
    return RANDOM.integers(0, 255, shape).astype("u1")


def picture(mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(257 * pixels(8, 12).astype("u2"))
    return Image.fromarray(pixels(8, 12, 3)).convert(mode)


def folder(root: Path, modes: Sequence[str], suffix: str = ".png") -> Path:
    for number in range(12):
        file = root / "images" / ("cat", "dog")[number % 2] / f"{number}{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture(modes[number % len(modes)]).save(file)
    return root / "images"


@pytest.mark.parametrize(
    ("modes", "suffix", "channels", "note"),
    [
        (("RGB",), ".png", 3, ""),
        (("RGB", "L", "P"), ".png", 3, "images of 4 L, 4 P, 4 RGB, taken as RGB"),
        (("L", "LA", "1"), ".png", 1, "images of 4 1, 4 L, 4 LA, taken as L"),
        (("RGBA",), ".png", 3, "transparency is left out"),
        (("I;16",), ".png", 1, "images of 12 I;16, taken as F"),
        (("LAB",), ".tif", 3, "images of 12 LAB, taken as RGB\nwarning"),
        (("CMYK",), ".tif", 3, "images of 12 CMYK, taken as RGB"),
    ],
)
def test_images_of_many_modes(
    modes: Sequence[str], suffix: str, channels: int, note: str, tmp_path: Path
) -> None:
    own = read(folder(tmp_path, modes, suffix))
    assert own.x.shape == (12, channels, 8, 12)
    assert note in "\n".join(own.card)
    if modes == ("I;16",):
        assert own.x.max() > 255


def test_photographs_are_turned_upright(tmp_path: Path) -> None:
    """Tag 274, value 6: the camera was turned left, the first row is the right edge."""
    root = folder(tmp_path, ["RGB"])
    grey = np.arange(0, 192, 2, dtype="u1").reshape(8, 12)
    for file in root.rglob("*.png"):
        image = Image.fromarray(grey)
        exif = image.getexif()
        exif[274] = 6
        image.save(file, exif=exif)
    own = read(root)
    assert own.x.shape == (12, 1, 12, 8)
    np.testing.assert_array_equal(own.x[0, 0], np.rot90(grey, -1))


def test_moving_pictures_and_what_systems_leave_behind(tmp_path: Path) -> None:
    root = folder(tmp_path, ["L"], ".gif")
    for junk in (".DS_Store", "Thumbs.db", "._0.gif", "cat/.hidden.png"):
        (root / junk).write_bytes(b"junk")
    frames = [picture("L") for _ in range(3)]
    frames[0].save(root / "cat" / "0.gif", save_all=True, append_images=frames[1:])
    own = read(root)
    assert len(own.x) == 12
    assert "note     1 image of several frames: the first is taken" in own.card


@pytest.mark.parametrize("content", [b"", b"junk", "half"])
def test_an_image_that_is_none_is_named(content: bytes | str, tmp_path: Path) -> None:
    root = folder(tmp_path, ["RGB"])
    file = root / "cat" / "4.png"
    whole = file.read_bytes()
    file.write_bytes(content if isinstance(content, bytes) else whole[: len(whole) // 2])
    with pytest.raises(KitError, match=r"cat/4\.png: no image that can be read"):
        read(root)


def test_a_damaged_image_or_sound_is_named(tmp_path: Path) -> None:
    """A TIFF without its width; a sound whose header claims terabytes."""
    root = folder(tmp_path, ["RGB"], ".tif")
    file = root / "cat" / "4.tif"
    width = struct.pack("<HHI", 256, 4, 1)
    content = file.read_bytes()
    assert width in content
    file.write_bytes(content.replace(width, struct.pack("<HHI", 999, 4, 1)))
    with pytest.raises(KitError, match=r"cat/4\.tif: no image that can be read"):
        read(root)
    root = tmp_path / "sounds"
    root.mkdir()
    soundfile.write(root / "0.flac", RANDOM.normal(size=200) / 9, 1000)
    # The low 36 of the 64 bits at 18 are the number of samples.
    claims = bytearray((root / "0.flac").read_bytes())
    claims[22:26] = b"\xff" * 4
    (root / "0.flac").write_bytes(claims)
    with pytest.raises(KitError, match=r"0\.flac: a sound that claims 171798691.. bytes"):
        files.read([str(root)], Ask(answers=False))


def test_names_that_are_no_text_are_spelt_out(tmp_path: Path) -> None:
    root = folder(tmp_path, ["L"])
    (root / "cat").rename(os.fsdecode(os.fsencode(root) + b"/caf\xe9"))
    own = read(root)
    assert own.answers.names == (r"caf\udce9", "dog")
    ids = files.read([str(root)], Ask(answers=False)).ids
    assert ids is not None
    assert ids[0] == r"caf\udce9/0.png"


def test_images_of_many_sizes_and_depths(tmp_path: Path) -> None:
    root = folder(tmp_path, ["RGB"])
    Image.fromarray(pixels(9, 12, 3)).save(root / "dog" / "1.png")
    with pytest.raises(KitError, match=r"0\.png is 8 x 12, 1\.png 9 x 12; say --size HEIGHTxWIDTH"):
        read(root)
    assert read(root, Ask(reading=Reading(size=(6, 7)))).x.shape == (12, 3, 6, 7)
    for size in ((100_000, 100_000), (20_000,)):
        with pytest.raises(KitError, match=f"--size {size[0]}x{size[0]} is larger than images are"):
            read(root, Ask(reading=Reading(size=size)))
    with pytest.raises(KitError, match="images of I;16 and L; convert them to one kind"):
        read(folder(tmp_path / "deep", ["I;16", "L"]))
