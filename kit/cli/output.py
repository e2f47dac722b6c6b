"""What commands print: JSON to standard output, words about it to standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click


def tell(line: str) -> None:
    """Print a line that is no part of a command's output, to standard error."""
    click.echo(line, err=True)


def warn(*lines: str) -> None:
    """Print lines about what went wrong, to standard error."""
    for line in lines:
        tell(f"kit: {line}")


@contextmanager
def unheard(*, err: bool = False, forgive: bool = False) -> Iterator[Callable[[str], None]]:
    """Yield what prints a line about work that goes on where nobody takes its words.

    Args:
        err: whether lines go to standard error.
        forgive: whether work whose words were lost is done all the same.

    Raises:
        OSError: the work is done, but a line about it could not be written.
    """
    lost: list[OSError] = []

    def say(line: str) -> None:
        try:
            click.echo(line, err=err)
        except OSError as error:
            lost.append(error)

    yield say
    if lost and not forgive:
        raise lost[0]


def print_json(value: Any) -> None:
    """Print a value as indented JSON.

    Args:
        value: of the types that msgspec encodes; numbers that are not finite become null, which
            other programs can read.
    """
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def save_figure(draw: Callable[[], Any], output: Path | None) -> None:
    """Draw a figure to the file of ``--output``, and say which; without a file, do nothing.

    Raises:
        KitError: no figure can be written to such a file, or a package is missing.
    """
    if output is not None:
        from kit.report.figures import save

        save(draw(), output)
        tell(str(output))
