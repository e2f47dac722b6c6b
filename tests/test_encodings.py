"""Text is UTF-8 by name wherever it is read or written, whatever the machine's locale is.

The linter's rule of the same kind (PLW1514) sees only what it knows to be a path.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [file for folder in ("kit", "tasks") for file in sorted((ROOT / folder).rglob("*.py"))]
# By the name of the call: how many positional arguments, with which the encoding is one of them.
TEXTS = {"read_text": 1, "write_text": 2}
# Of the classes and modules whose open() is for bytes or takes no encoding.
OTHER_OPENS = {"os", "tarfile", "zipfile", "wave", "gzip", "content", "library", "Image", "zarr"}


def without_encoding(source: str) -> Iterator[str]:
    """Yield ``line: call`` of what reads or writes text without saying how."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        given = {keyword.arg for keyword in node.keywords}
        name = (
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        )
        positional = len(node.args)
        if name in TEXTS and positional < TEXTS[name]:
            wrong = "encoding" not in given
        elif name == "open" and not _of_another(node.func):
            place = 0 if isinstance(node.func, ast.Attribute) else 1
            modes = [
                *node.args[place : place + 1],
                *(k.value for k in node.keywords if k.arg == "mode"),
            ]
            mode = "".join(str(each.value) for each in modes if isinstance(each, ast.Constant))
            wrong = "b" not in mode and "encoding" not in given
        else:
            text = any(
                keyword.arg in ("text", "universal_newlines")
                and ast.unparse(keyword.value) == "True"
                for keyword in node.keywords
            )
            wrong = text and "encoding" not in given
        if wrong:
            yield f"{node.lineno}: {ast.unparse(node)[:80]}"


def _of_another(function: ast.expr) -> bool:
    owner = function.value if isinstance(function, ast.Attribute) else None
    return isinstance(owner, ast.Name) and owner.id in OTHER_OPENS


def test_all_text_is_utf_8_by_name() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{call}"
        for file in FILES
        for call in without_encoding(file.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("file.read_text()", True),
        ("file.read_text('utf-8')", False),
        ("file.write_text(text)", True),
        ("file.write_text(text, encoding='utf-8')", False),
        ("open(file)", True),
        ("open(file, 'rb')", False),
        ("file.open('a')", True),
        ("file.open(mode='wb')", False),
        ("os.open(file, flags)", False),
        ("subprocess.run(words, text=True)", True),
        ("subprocess.run(words, text=True, encoding='utf-8')", False),
        ("subprocess.run(words)", False),
    ],
)
def test_what_is_told(source: str, wrong: bool) -> None:
    assert bool(list(without_encoding(source))) == wrong
