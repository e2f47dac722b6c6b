"""The columns of CSV and Parquet files, read by pyarrow, as arrays with missing values marked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kit import extras
from kit.data.own.reading import Array
from kit.errors import DataError, KitError

if TYPE_CHECKING:
    import pyarrow as pa

# What stands for no value, an empty cell among them.
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
# The first one that the header has most of; spaces where it has none of the others.
DELIMITERS = (",", ";", "\t", "|")
PARQUET = (".parquet", ".pq")
# The line by which Excel writes how columns are parted, before that of their names.
PARTED = re.compile(r"sep=(.)")
# Of text that pyarrow parses at once; a row, of a table of many columns, must not be longer.
BLOCK = 1 << 26
# How packed files begin, whatever they are called.
PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}
WITH_COMMA = r"^\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*$"
NUMBER = r"(\d{1,3}([,.' \u00a0]\d{3})+|\d+)([.,]\d+)?"
DRESSED = rf"[~<>≤≥$€£¥+-]*\s*{NUMBER}\s*[%$€£¥°]?"


def read(files: Sequence[Path]) -> tuple[dict[str, Array], list[str]]:
    """Return the columns of files by name, the rows of the files one after the other, and notes.

    Numbers with missing values are floats with NaN, words with missing values have None.

    Raises:
        DataError: a file is damaged, has no header, or other columns than the first one.
        KitError: pyarrow is missing.
    """
    try:
        import pyarrow as pa
    except ModuleNotFoundError:
        raise KitError(f"tables need pyarrow: {extras.install('tables')}") from None
    notes: list[str] = []
    parts = [_table(file, notes) for file in files]
    names = parts[0].column_names
    for file, part in zip(files, parts, strict=True):
        if part.column_names != names:
            raise DataError(f"{file} has other columns than {files[0]}")
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            if not twice:
                raise DataError(
                    f"{file}: several columns have no name; name them or leave them out, and part "
                    "columns by one sign, not by several blanks"
                )
            raise DataError(f"{file}: two columns have the name {twice!r}")
    try:
        table = pa.concat_tables(parts, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"{files[0]} and the others differ in type: {_line(error)}") from None
    if not table.num_rows or not names:
        raise DataError(f"{files[0]} has no rows")
    return {name: _array(table.column(name)) for name in names}, notes


def _table(file: Path, notes: list[str]) -> pa.Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        packed = file.suffix.lower() in PARQUET
        table = parquet.read_table(file) if packed else _csv(file, notes)
        names = [name.strip() for name in table.column_names]
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file}: no table that can be read ({_line(error)})") from None
    except UnicodeError:
        raise _not_text(file) from None
    return table.rename_columns(names)


def _csv(file: Path, notes: list[str]) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv

    with file.open("rb") as stream:
        start = stream.read(4)
    packed = next((name for magic, name in PACKED.items() if start.startswith(magic)), None)
    with pa.input_stream(str(file), compression=packed) as stream:
        block = stream.read(1 << 16)
    wide = block.startswith((b"\xff\xfe", b"\xfe\xff"))
    encoding = "utf-16" if wide else "utf-8-sig"
    text = block[: len(block) & ~1].decode(encoding, "replace")
    lines = text.lstrip("\r\n").splitlines()
    stated = PARTED.fullmatch(lines[0]) if lines else None
    head = "".join(lines[1:2] if stated else lines[:1])
    # Signs within quotes part nothing.
    bare = re.sub('"[^"]*"', "", head)
    delimiter = max(DELIMITERS, key=bare.count) if set(DELIMITERS) & set(bare) else " "
    delimiter = stated[1] if stated else delimiter
    words = [word.strip().strip('"') for word in head.split(delimiter)]
    if all(map(_number, words)):
        raise DataError(f"{file}: its first line has numbers; name the columns there")

    def parse(point: str) -> pa.Table:
        options = csv.ConvertOptions(
            null_values=NULLS,
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            decimal_point=point,
        )
        with pa.input_stream(str(file), compression=packed) as stream:
            return csv.read_csv(
                stream,
                read_options=csv.ReadOptions(
                    encoding="utf-16" if wide else "utf8",
                    block_size=BLOCK,
                    skip_rows=1 if stated else 0,
                ),
                parse_options=csv.ParseOptions(delimiter=delimiter),
                convert_options=options,
            )

    table = parse(".")
    if any(pa.types.is_binary(kind) for kind in table.schema.types):
        raise _not_text(file)
    kinds = table.schema.types
    # Where columns are parted otherwise, a comma in numbers is the decimal one, unless others have
    # a point.
    if delimiter != "," and not any(map(pa.types.is_floating, kinds)):
        commas = [table.column(at) for at, kind in enumerate(kinds) if pa.types.is_string(kind)]
        if any(map(_with_comma, commas)):
            notes.append(f"numbers of {file.name} have a decimal comma")
            return parse(",")
    return table


def _with_comma(column: pa.ChunkedArray) -> bool:
    """Tell whether all words of a column are numbers with a decimal comma."""
    from pyarrow import compute

    return bool(compute.all(compute.match_substring_regex(column, WITH_COMMA)).as_py())


def dressed(values: Array) -> str | None:
    """Return the first word of a column whose words are numbers but for signs, such as ``3 %``."""
    words = [each for each in values.tolist() if each is not None]
    plain = values.dtype.kind == "O" and all(re.fullmatch(DRESSED, word) for word in words)
    return words[0] if words and plain else None


def _not_text(file: Path) -> DataError:
    return DataError(
        f"{file} is not written in UTF-8; bring it there, such as by "
        f"'iconv -f WINDOWS-1252 -t UTF-8 {file} > new.csv'"
    )


def _array(column: pa.ChunkedArray) -> Array:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if pa.types.is_boolean(kind) and not column.null_count:
        return np.asarray(column.to_pylist(), bool)
    if pa.types.is_integer(kind) and not column.null_count:
        return np.asarray(column.to_numpy())
    if pa.types.is_decimal(kind):
        column, kind = column.cast(pa.float64()), pa.float64()
    if pa.types.is_floating(kind) or (pa.types.is_integer(kind) and _exact(column)):
        return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        # In their own unit: in nanoseconds, years after 2262 would come before all others.
        return np.asarray(column.to_numpy())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        column = _words(column)
    words = (None if each is None else str(each).strip() for each in column.to_pylist())
    return np.array([word or None for word in words], object)


def _exact(column: pa.ChunkedArray) -> bool:
    """Tell whether whole numbers are the same as floats; larger ones are names, not amounts."""
    import pyarrow as pa

    try:
        column.cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


def _words(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return text that was stored as bytes, as some programs do; other bytes as they are."""
    import pyarrow as pa

    try:
        return column.cast(pa.large_string())
    except pa.ArrowInvalid:
        return column


def numeric(values: Array) -> bool:
    """Tell whether a column can be an input."""
    return values.dtype.kind in "biuf"


def _number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
