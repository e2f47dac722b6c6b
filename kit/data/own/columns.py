"""Columns of CSV and Parquet files, read by pyarrow as arrays with missing values marked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kit import extras
from kit.data.own import text
from kit.data.own.reading import Array
from kit.data.own.text import Named
from kit.errors import DataError, KitError

if TYPE_CHECKING:
    import pyarrow as pa

PARQUET = (".parquet", ".pq")
# A number; a number with signs such as those of money.
NUMBER = r"(\d{1,3}([,.' \u00a0]\d{3})+|\d+)([.,]\d+)?"
DRESSED = rf"[~<>≤≥$€£¥+−-]*\s*{NUMBER}\s*[%$€£¥°]?"
# The sign between the words of a list.
PART = "|"


def no_column(name: str) -> bool:
    """Tell that no column is meant, whatever its ``name``."""
    return False


def read(
    files: Sequence[Path], names: Named = no_column, classes: Named = no_column
) -> tuple[dict[str, Array], list[str], dict[str, str]]:
    """Return the columns of files by name, notes, and which hold lists or the like.

    Rows of the files are concatenated. The last is ``lists`` or ``structures``, by name.

    Missing values are NaN in columns of numbers, which become floats, and None in those of words.

    Args:
        files: the files.
        names: which columns of text files name samples or files; their cells are words as they
            stand there: as numbers, ``007`` and ``7`` would be one, and ``1e3`` would be 1000.0.
        classes: which columns may be of classes; they are words if a cell begins with such a zero.

    Raises:
        DataError: a file is damaged, has no header, or has other columns than the first file.
        KitError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
    except ModuleNotFoundError:
        raise KitError(f"tables need pyarrow: {extras.install('tables')}") from None
    notes: list[str] = []
    parts = [_table(file, notes, names, classes) for file in files]
    known = parts[0].column_names
    for file, part in zip(files, parts, strict=True):
        # Their order may differ: they are joined by their names.
        if sorted(part.column_names) != sorted(known):
            raise DataError(f"{file} has other columns than {files[0]}")
        if len(set(known)) < len(known):
            twice = next(name for name in known if known.count(name) > 1)
            if not twice:
                raise DataError(
                    f"{file}: several columns have no name; name them or leave them out, and part "
                    "columns by one sign, not by several blanks"
                )
            raise DataError(f"{file}: two columns have the name {twice!r}")
    # Classes that are words in one file, and numbers in another, are words in all.
    mixed = {
        name for name in known if classes(name) and len({_is_words(p, name) for p in parts}) > 1
    }
    if mixed:
        parts = [
            _table(file, [], lambda each: names(each) or each in mixed, classes) for file in files
        ]
    try:
        table = pa.concat_tables(parts, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"{files[0]} and the others differ in type: {text.line(error)}") from None
    if not table.num_rows or not known:
        raise DataError(f"{files[0]} has no rows")
    for name in filter(classes, known):
        _check_lists(files[0], name, table.column(name))
    nested = {
        each.name: "lists" if _has_lists(each.type) else "structures"
        for each in table.schema
        if pa.types.is_nested(each.type)
    }
    return {name: _array(table.column(name)) for name in known}, notes, nested


def _table(file: Path, notes: list[str], names: Named, classes: Named) -> pa.Table:
    """Read one file; notes are appended, and see ``read``.

    Raises:
        DataError: it is damaged, or not in UTF-8.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        is_parquet = file.suffix.lower() in PARQUET
        table = parquet.read_table(file) if is_parquet else text.read(file, notes, names, classes)
        known = [name.strip() for name in table.column_names]
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file}: no table that can be read ({text.line(error)})") from None
    except UnicodeError:
        raise text.not_text(file) from None
    return table.rename_columns(known)


def _is_words(table: pa.Table, name: str) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(table.schema.field(name).type))


def dressed(values: Array) -> str | None:
    """Return the first value if all are numbers with signs such as ``3 %``; else None."""
    words = [str(each) for each in values.tolist() if each is not None]
    plain = values.dtype.kind == "O" and all(re.fullmatch(DRESSED, word) for word in words)
    return words[0] if words and plain else None


def strays(values: Array) -> list[str]:
    """Return the words of a column, or of an array, that are no numbers."""
    words = values.ravel().tolist() if values.dtype.kind == "O" else []
    return [str(each) for each in words if each is not None and not text.number(str(each))]


def _array(column: pa.ChunkedArray) -> Array:
    """Return a column as an array of booleans, integers, floats, dates or objects.

    Objects are words, or booleans of which some are missing.
    """
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if pa.types.is_boolean(kind):
        return np.array(column.to_pylist(), object if column.null_count else bool)
    if pa.types.is_integer(kind) and not column.null_count:
        return np.asarray(column.to_numpy())
    if pa.types.is_decimal(kind):
        column, kind = column.cast(pa.float64()), pa.float64()
    if pa.types.is_floating(kind) or (pa.types.is_integer(kind) and _exact(column)):
        return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        # In the column's own unit: in nanoseconds, years after 2262 would overflow.
        return np.asarray(column.to_numpy())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        column = _words(column)
    if _has_lists(kind):
        return _joined(column)
    words = (None if each is None else str(each).strip() for each in column.to_pylist())
    return np.array([word or None for word in words], object)


def _has_lists(kind: pa.DataType) -> bool:
    import pyarrow as pa

    is_list = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(each(kind) for each in is_list)


def _joined(column: pa.ChunkedArray) -> Array:
    """Return lists, such as those of the labels of a sample, as words: ``a|b``."""
    lists = [None if each is None else list(map(str, each)) for each in column.to_pylist()]
    return np.array([None if each is None else PART.join(each) or None for each in lists], object)


def _check_lists(file: Path, name: str, column: pa.ChunkedArray) -> None:
    """Refuse lists of labels of which one has the sign that parts them.

    Raises:
        DataError: there is such a label.
    """
    if _has_lists(column.type):
        words = (str(word) for each in column.to_pylist() for word in each or ())
        if wrong := next((word for word in words if PART in word), None):
            raise DataError(
                f"{file}: column {name!r} has the label {wrong!r}; lists are read as words that "
                f"{PART!r} parts, so write another sign"
            )


def _exact(column: pa.ChunkedArray) -> bool:
    """Tell whether whole numbers can be floats without loss; larger ones are taken as words."""
    import pyarrow as pa

    try:
        column.cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


def _words(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return bytes decoded as text, if they are UTF-8; some programs store text like that."""
    import pyarrow as pa

    try:
        return column.cast(pa.large_string())
    except pa.ArrowInvalid:
        return column


def flags(values: Array) -> Array:
    """Return booleans of which some are missing as 0, 1 and NaN; other columns unchanged."""
    if values.dtype.kind != "O" or not any(isinstance(each, bool) for each in values):
        return values
    return np.array([np.nan if each is None else float(each) for each in values])


def numeric(values: Array) -> bool:
    """Tell whether a column has numbers or booleans, as inputs must."""
    return values.dtype.kind in "biuf"
