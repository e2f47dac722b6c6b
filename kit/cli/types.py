"""Paths on the command line; an empty one is refused, since Python takes it for the folder here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

EMPTY = "an empty path; '.' is the current folder"


class FilePath(click.Path):
    """A path, with the options of click's own type."""

    def __init__(self, **options: Any) -> None:
        super().__init__(path_type=Path, **options)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """Return the path."""
        return self.fail(EMPTY, param, ctx) if value == "" else super().convert(value, param, ctx)


class Source(click.ParamType[str]):
    """A path as it was typed, or FILE.h5:DATASET."""

    name = "path"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it."""
        return value or self.fail(EMPTY, param, ctx)


SOURCE = Source()
