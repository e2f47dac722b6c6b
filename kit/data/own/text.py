"""Tables of text: CSV and its kin, whose encoding, delimiter and decimal sign are recognised."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kit.data.npy import ZIP
from kit.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

# Cells that mean a missing value.
NULLS = (
    "",
    " ",
    "NA",
    "N/A",
    "#N/A",
    "n/a",
    "NaN",
    "nan",
    "-NaN",
    "-nan",
    "NULL",
    "null",
    "None",
    "?",
)
# The delimiter is the one that the header has most often; a space if it has none of them.
DELIMITERS = (",", ";", "\t", "|")
# A line before the header by which Excel states the delimiter.
PARTED = re.compile(r"sep=(.)(?:\r?\n|\r)")
# The line with the names, of which one may have line ends within its quotes.
HEAD = re.compile(r"""(?:(?<![^,;\t| ])"[^"]*"|[^\r\n])*""")
# Bytes of text that pyarrow parses at once; a row must not be longer.
BLOCK = 1 << 26
# Compression by the first bytes of a file, whatever its name.
PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}
# A number with a decimal comma; a whole one; one whose commas may part thousands.
WITH_COMMA = r"^\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*$"
WHOLE = r"^\s*[+-]?\d+\s*$"
GROUPED = r"^\s*[+-]?[1-9]\d{0,2},\d{3}\s*$"
# A number that is a code, whose zeros are part of it.
CODE = r"^\s*0\d+\s*$"
# Tells by the name of a column whether it is one of names, or of classes.
Named = Callable[[str], bool]


@dataclass(frozen=True)
class Dialect:
    """How a text file is written.

    Attributes:
        packed: its compression, if any.
        wide: whether it is in UTF-16; else in UTF-8.
        delimiter: what parts its cells.
        stated: whether a line before the header states the delimiter.
    """

    packed: str | None
    wide: bool
    delimiter: str
    stated: bool


def recognise(file: Path) -> Dialect:
    """Return how a text file is written, by its beginning.

    Raises:
        DataError: it is an archive, or its first line has numbers in place of names.
    """
    import pyarrow as pa

    with file.open("rb") as stream:
        start = stream.read(4)
    if start == ZIP:
        raise DataError(f"{file} is a zip archive, as workbooks are; unpack it, or save it as CSV")
    packed = next((name for magic, name in PACKED.items() if start.startswith(magic)), None)
    with pa.input_stream(str(file), compression=packed) as stream:
        block = stream.read(1 << 16)
    wide = block.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = block[: len(block) & ~1].decode("utf-16" if wide else "utf-8-sig", "replace")
    text = text.lstrip("\r\n")
    stated = PARTED.match(text)
    head = next(HEAD.finditer(text[stated.end() :] if stated else text))[0]
    # Delimiters within quotes do not count.
    bare = re.sub('"[^"]*"', "", head)
    delimiter = max(DELIMITERS, key=bare.count) if set(DELIMITERS) & set(bare) else " "
    delimiter = stated[1] if stated else delimiter
    words = [word.strip().strip('"') for word in head.split(delimiter)]
    if all(map(number, words)):
        raise DataError(f"{file}: its first line has numbers; name the columns there")
    return Dialect(packed, wide, delimiter, stated is not None)


def parse(file: Path, dialect: Dialect, point: str, words: Sequence[str] = ()) -> pa.Table:
    """Return the table of a text file.

    Args:
        file: the file.
        dialect: how it is written.
        point: the decimal sign.
        words: columns whose cells are words as they stand there.

    Raises:
        DataError: rows have other numbers of cells than the header, as where blanks part them.
    """
    import pyarrow as pa
    from pyarrow import csv

    convert = csv.ConvertOptions(
        null_values=NULLS,
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        decimal_point=point,
        column_types=dict.fromkeys(words, pa.string()),
    )
    reading = csv.ReadOptions(
        encoding="utf-16" if dialect.wide else "utf8",
        block_size=BLOCK,
        skip_rows=1 if dialect.stated else 0,
    )
    # With line ends: else a block could end within a cell, whose rest would be read as a row.
    parsing = csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True)
    try:
        with pa.input_stream(str(file), compression=dialect.packed) as stream:
            return csv.read_csv(
                stream, read_options=reading, parse_options=parsing, convert_options=convert
            )
    except pa.ArrowInvalid as error:
        if dialect.delimiter != " ":
            raise
        raise DataError(
            f"{file}: no table that can be read ({line(error)}); the first line must name the "
            "columns, and one sign must part them, not several blanks"
        ) from None


def read(file: Path, notes: list[str], names: Named, classes: Named) -> pa.Table:
    """Read a text file; notes are appended.

    Args:
        file: the file.
        notes: get what was recognised and may be wrong.
        names: which columns name samples or files; their cells are words as they stand there.
        classes: which columns may be of classes; they are words if a cell begins with a zero too
            many.

    Raises:
        DataError: it is damaged, has no header, or is not in UTF-8 or UTF-16.
    """
    import pyarrow as pa

    dialect, point = recognise(file), "."
    table = parse(file, dialect, point)
    if any(pa.types.is_binary(kind) for kind in table.schema.types):
        raise not_text(file)
    kinds = table.schema.types
    # If the delimiter is not a comma, commas in numbers are decimal ones, unless there are numbers
    # with a point.
    if dialect.delimiter != "," and not any(map(pa.types.is_floating, kinds)):
        texts = [at for at, kind in enumerate(kinds) if pa.types.is_string(kind)]
        if any(_with_comma(table.column(at)) for at in texts):
            notes.append(f"numbers of {file.name} have a decimal comma")
            unclear = [table.column_names[at] for at in texts if _in_thousands(table.column(at))]
            if unclear:
                more = f" and {len(unclear) - 1} more" if len(unclear) > 1 else ""
                notes.append(
                    f"column {unclear[0]!r}{more}: if its commas part thousands, take them out"
                )
            point = ","
            table = parse(file, dialect, point)
    return _as_words(table, names, classes, lambda words: parse(file, dialect, point, words))


def _as_words(
    table: pa.Table, names: Named, classes: Named, parse: Callable[[Sequence[str]], pa.Table]
) -> pa.Table:
    """Return a table whose names, and classes that are codes, are words; ``parse`` reads them."""
    import pyarrow as pa

    others = [each.name for each in table.schema if not pa.types.is_string(each.type)]
    asked = [name for name in others if names(name.strip())]
    perhaps = [name for name in others if classes(name.strip()) and name not in asked]
    if not asked and not perhaps:
        return table
    text = parse([*asked, *perhaps])
    for at, name in enumerate(table.column_names):
        if name in asked or (name in perhaps and _coded(text.column(at))):
            table = table.set_column(at, name, text.column(at))
    return table


def _coded(column: pa.ChunkedArray) -> bool:
    """Tell whether a column of text has a number whose first digit is a zero too many."""
    from pyarrow import compute

    return bool(compute.any(compute.match_substring_regex(column, CODE)).as_py())


def _with_comma(column: pa.ChunkedArray) -> bool:
    """Tell whether all values of a column of text are numbers, some with a decimal comma.

    Where some have no comma, those of the others may part thousands: one must be another.
    """
    return _all(column, WITH_COMMA) or (
        _all(column, f"{WITH_COMMA}|{WHOLE}") and not _all(column, f"{GROUPED}|{WHOLE}")
    )


def _in_thousands(column: pa.ChunkedArray) -> bool:
    """Tell whether all values are whole numbers, some with a comma that may part thousands."""
    return _all(column, f"{GROUPED}|{WHOLE}") and not _all(column, WHOLE)


def _all(column: pa.ChunkedArray, form: str) -> bool:
    """Tell whether all values of a column of text, which has some, are of a form."""
    from pyarrow import compute

    return bool(compute.all(compute.match_substring_regex(column, form)).as_py())


def not_text(file: Path) -> DataError:
    """Return the error that a file is not in UTF-8."""
    return DataError(
        f"{file} is not written in UTF-8; bring it there, such as by "
        f"'iconv -f WINDOWS-1252 -t UTF-8 {file} > new.csv'"
    )


def number(word: str) -> bool:
    """Tell whether a word is a number."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def line(error: Exception) -> str:
    """Return the message of an error on one line, shortened."""
    return " ".join(str(error).split())[:160]
