"""Paths on the command line: an empty one is refused, since Python takes it for the folder here.

So are pipes and devices, of which readers wait for ever, and which writers would replace.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from kit.files import SAVE, special

EMPTY = "an empty path; '.' is the current folder"


class FilePath(click.Path):
    """A path, with the options of click's own type.

    Attributes:
        read: whether it is read; else it is written.
    """

    def __init__(self, *, read: bool = False, exists: bool = False, **options: Any) -> None:
        super().__init__(path_type=Path, exists=exists, **options)
        self.read = read or exists

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """Return the path."""
        if value == "":
            self.fail(EMPTY, param, ctx)
        if what := special(Path(value)):
            wanted = "file" if self.file_okay else "folder"
            how = SAVE if self.read else f"name a {wanted}"
            self.fail(f"{os.fspath(value)}: {what}, not a {wanted}; {how}", param, ctx)
        return super().convert(value, param, ctx)


class Source(click.ParamType[str]):
    """A path as it was typed, or FILE.h5:DATASET."""

    name = "path"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it."""
        return value or self.fail(EMPTY, param, ctx)


SOURCE = Source()
