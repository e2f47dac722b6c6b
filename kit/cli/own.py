"""Options that say how one's own files are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import click

from kit.cli.options import chain
from kit.errors import KitError

if TYPE_CHECKING:
    from kit.data.own.reading import Ask, Missing, Stated

reading_options = chain(
    click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="NAME",
        help="Input column; may be repeated. Default: all other numeric columns; of arrays, x.",
    ),
    click.option(
        "--layout", metavar="LETTERS", help="Axes of the arrays, such as NHWC, NCHW or NLC."
    ),
    click.option(
        "--as",
        "rows",
        type=click.Choice(["sequence", "channels"]),
        default="sequence",
        show_default=True,
        help="What the columns of a table are: the steps of a sequence, or channels.",
    ),
    click.option(
        "--sequence", metavar="NAME", help="Column: rows with the same value are one sample."
    ),
    click.option("--order", metavar="NAME", help="Column that orders the rows of a sample."),
    click.option("--id", "identity", metavar="NAME", help="Column with the names of the samples."),
    click.option("--size", metavar="HxW|N", help="Bring images, sounds or sequences to this size."),
    click.option(
        "--missing",
        type=click.Choice(["mean", "zero", "mask"]),
        help="How to fill missing inputs. mask: the mean, and a channel that marks the positions. "
        "Default: missing inputs are refused.",
    ),
)


def asked(
    *,
    targets: Sequence[str],
    kind: Stated | None,
    columns: Sequence[str],
    layout: str | None,
    rows: Literal["sequence", "channels"],
    sequence: str | None,
    order: str | None,
    identity: str | None,
    size: str | None,
    missing: Missing | None,
    **splits: Any,
) -> Ask:
    """Return what the options ask for.

    Raises:
        KitError: a size or a layout that is none, or options that exclude each other.
    """
    from kit.data.own import layout as layouts
    from kit.data.own.reading import Ask, Reading

    if order is not None and sequence is None:
        raise KitError("--order orders the rows of a sample: say --sequence, too")
    if size is not None and not re.fullmatch(r"[1-9]\d{0,6}(x[1-9]\d{0,6})?", size):
        raise KitError(f"--size {size}: HEIGHTxWIDTH for images, else a length, such as 32x32")
    reading = Reading(
        columns=tuple(columns),
        layout=layouts.check(layout) if layout else "",
        rows=rows,
        sequence=sequence,
        order=order,
        identity=identity,
        size=tuple(map(int, size.split("x"))) if size else (),
        missing=missing,
    )
    return Ask(reading=reading, targets=tuple(targets), kind=kind, **splits)
