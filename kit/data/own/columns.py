"""Columns of CSV and Parquet files, read by pyarrow as arrays with missing values marked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kit import extras
from kit.data.npy import ZIP
from kit.data.own.reading import Array
from kit.errors import DataError, KitError

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
PARQUET = (".parquet", ".pq")
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
# A number; a number with signs such as those of money.
NUMBER = r"(\d{1,3}([,.' \u00a0]\d{3})+|\d+)([.,]\d+)?"
DRESSED = rf"[~<>≤≥$€£¥+−-]*\s*{NUMBER}\s*[%$€£¥°]?"
# The sign between the words of a list.
PART = "|"
# A number that is a code, whose zeros are part of it.
CODE = r"^\s*0\d+\s*$"
# Tells by the name of a column whether it is one of names, or of classes.
Named = Callable[[str], bool]


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
        raise DataError(f"{files[0]} and the others differ in type: {_line(error)}") from None
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
        table = parquet.read_table(file) if is_parquet else _csv(file, notes, names, classes)
        known = [name.strip() for name in table.column_names]
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file}: no table that can be read ({_line(error)})") from None
    except UnicodeError:
        raise _not_text(file) from None
    return table.rename_columns(known)


def _csv(file: Path, notes: list[str], names: Named, classes: Named) -> pa.Table:
    """Read a text file; encoding, compression, delimiter and decimal comma are recognised."""
    import pyarrow as pa
    from pyarrow import csv

    with file.open("rb") as stream:
        start = stream.read(4)
    if start == ZIP:
        raise DataError(f"{file} is a zip archive, as workbooks are; unpack it, or save it as CSV")
    packed = next((name for magic, name in PACKED.items() if start.startswith(magic)), None)
    with pa.input_stream(str(file), compression=packed) as stream:
        block = stream.read(1 << 16)
    wide = block.startswith((b"\xff\xfe", b"\xfe\xff"))
    encoding = "utf-16" if wide else "utf-8-sig"
    text = block[: len(block) & ~1].decode(encoding, "replace")
    text = text.lstrip("\r\n")
    stated = PARTED.match(text)
    head = next(HEAD.finditer(text[stated.end() :] if stated else text))[0]
    # Delimiters within quotes do not count.
    bare = re.sub('"[^"]*"', "", head)
    delimiter = max(DELIMITERS, key=bare.count) if set(DELIMITERS) & set(bare) else " "
    delimiter = stated[1] if stated else delimiter
    words = [word.strip().strip('"') for word in head.split(delimiter)]
    if all(map(_number, words)):
        raise DataError(f"{file}: its first line has numbers; name the columns there")

    def parse(point: str, words: Sequence[str] = ()) -> pa.Table:
        options = csv.ConvertOptions(
            null_values=NULLS,
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            decimal_point=point,
            column_types=dict.fromkeys(words, pa.string()),
        )
        with pa.input_stream(str(file), compression=packed) as stream:
            return csv.read_csv(
                stream,
                read_options=csv.ReadOptions(
                    encoding="utf-16" if wide else "utf8",
                    block_size=BLOCK,
                    skip_rows=1 if stated else 0,
                ),
                # Else a block could end within a cell, whose rest would be read as a row.
                parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                convert_options=options,
            )

    point = "."
    try:
        table = parse(point)
    except pa.ArrowInvalid as error:
        if delimiter != " ":
            raise
        raise DataError(
            f"{file}: no table that can be read ({_line(error)}); the first line must name the "
            "columns, and one sign must part them, not several blanks"
        ) from None
    if any(pa.types.is_binary(kind) for kind in table.schema.types):
        raise _not_text(file)
    kinds = table.schema.types
    # If the delimiter is not a comma, commas in numbers are decimal ones, unless there are numbers
    # with a point.
    if delimiter != "," and not any(map(pa.types.is_floating, kinds)):
        texts = [at for at, kind in enumerate(kinds) if pa.types.is_string(kind)]
        if any(_with_comma(table.column(at)) for at in texts):
            notes.append(f"numbers of {file.name} have a decimal comma")
            unclear = [table.column_names[at] for at in texts if _in_thousands(table.column(at))]
            if unclear:
                more = f" and {len(unclear) - 1} more" if len(unclear) > 1 else ""
                notes.append(
                    f"column {unclear[0]!r}{more}: if its commas part thousands, take them out"
                )
            table, point = parse(","), ","
    return _as_words(table, names, classes, lambda words: parse(point, words))


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


def _is_words(table: pa.Table, name: str) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(table.schema.field(name).type))


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


def dressed(values: Array) -> str | None:
    """Return the first value if all are numbers with signs such as ``3 %``; else None."""
    words = [str(each) for each in values.tolist() if each is not None]
    plain = values.dtype.kind == "O" and all(re.fullmatch(DRESSED, word) for word in words)
    return words[0] if words and plain else None


def strays(values: Array) -> list[str]:
    """Return the words of a column, or of an array, that are no numbers."""
    words = values.ravel().tolist() if values.dtype.kind == "O" else []
    return [str(each) for each in words if each is not None and not _number(str(each))]


def _not_text(file: Path) -> DataError:
    return DataError(
        f"{file} is not written in UTF-8; bring it there, such as by "
        f"'iconv -f WINDOWS-1252 -t UTF-8 {file} > new.csv'"
    )


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


def _number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _line(error: Exception) -> str:
    """Return the message of an error on one line, shortened."""
    return " ".join(str(error).split())[:160]
