"""What commands print: JSON to standard output, words about it to standard error."""

from __future__ import annotations

from typing import Any

import click


def tell(line: str) -> None:
    """Print a line that is no part of a command's output, to standard error."""
    click.echo(line, err=True)


def print_json(value: Any) -> None:
    """Print a value as indented JSON.

    Args:
        value: of the types that msgspec encodes; numbers that are not finite become null, which
            other programs can read.
    """
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))
