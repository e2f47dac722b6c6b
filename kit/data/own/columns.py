"""The columns of CSV and Parquet files, read by pyarrow, as arrays with missing values marked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kit import extras
from kit.data.own.reading import Array
from kit.errors import DataError, KitError

if TYPE_CHECKING:
    import pyarrow as pa

# What stands for no value, besides an empty cell.
NULLS = ("", "NA", "N/A", "#N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None", "?")
DELIMITERS = (",", ";", "\t", "|")


def read(files: Sequence[Path]) -> dict[str, Array]:
    """Return the columns of files by name, the rows of the files one after the other.

    Numbers with missing values are floats with NaN, words with missing values have None.

    Raises:
        DataError: a file is damaged, has no header, or other columns than the first one.
        KitError: pyarrow is missing.
    """
    try:
        import pyarrow as pa
    except ModuleNotFoundError:
        raise KitError(f"tables need pyarrow: {extras.install('tables')}") from None
    parts = [_table(file) for file in files]
    names = parts[0].column_names
    for file, part in zip(files, parts, strict=True):
        if part.column_names != names:
            raise DataError(f"{file} has other columns than {files[0]}")
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"{file}: two columns have the name {twice!r}")
    try:
        table = pa.concat_tables(parts, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"{files[0]} and the others differ in type: {_line(error)}") from None
    if not table.num_rows or not names:
        raise DataError(f"{files[0]} has no rows")
    return {name: _array(table.column(name)) for name in names}


def _table(file: Path) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv, parquet

    try:
        if file.suffix in (".parquet", ".pq"):
            return parquet.read_table(file)
        with pa.input_stream(file) as stream:
            head = stream.read(1 << 16).decode("utf-8-sig", "replace").partition("\n")[0]
        delimiter = max(DELIMITERS, key=head.count)
        words = [word.strip().strip('"') for word in head.rstrip("\r").split(delimiter)]
        if all(_number(word) for word in words):
            raise DataError(f"{file}: its first line has numbers; name the columns there")
        options = csv.ConvertOptions(
            null_values=NULLS, strings_can_be_null=True, quoted_strings_can_be_null=False
        )
        parse = csv.ParseOptions(delimiter=delimiter)
        return csv.read_csv(file, parse_options=parse, convert_options=options)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise DataError(f"{file}: no table that can be read ({_line(error)})") from None


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
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)
    if pa.types.is_temporal(kind) and not pa.types.is_duration(kind):
        return np.asarray(column.to_numpy().astype("datetime64[ns]"))
    return np.array([each if each is None else str(each) for each in column.to_pylist()], object)


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
