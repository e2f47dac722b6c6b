from __future__ import annotations

import pytest

from kit.errors import listed, nearest, unknown

MANY = [f"setting-{n}" for n in range(1000)]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], ""),
        (["a", "b"], "a, b"),
        (["a" * 500, "b"], "a" * 500 + " and 1 more"),
        (MANY, ", ".join(MANY[:17]) + " and 983 more"),
    ],
)
def test_many_words_are_counted(words: list[str], line: str) -> None:
    assert listed(words) == line


def test_a_name_without_a_near_one_names_some_and_counts_the_others() -> None:
    assert nearest("x", "ab") == "; there is a, b"
    assert nearest("x", []) == "; there is none"
    assert nearest("seting-7", MANY) == "; did you mean 'setting-7' or 'setting-97'?"
    assert len(str(unknown("task", "x", MANY))) < 300
