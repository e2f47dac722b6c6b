"""A kind of architecture of its own: a chain of window lengths, as ``4|8`` or as JSON."""

from __future__ import annotations

import json
from typing import Any


class Windows:
    """See ``kit.architecture.ArchitectureKind``."""

    name, version = "windows", 1

    def read(self, text: str) -> Any:
        if text.lstrip().startswith("["):
            return json.loads(text)
        try:
            return [int(part) for part in text.split("|")]
        except ValueError:
            raise ValueError(f"no chain of lengths such as 4|8: {text.strip()[:20]!r}") from None

    def check(self, value: Any) -> None:
        if not isinstance(value, list) or not value:
            raise ValueError("no list of window lengths")
        for place, length in enumerate(value, 1):
            if type(length) is not int or length < 1:
                raise ValueError(f"window {place} is {length!r}, no length")

    def likeness(self, one: Any, other: Any) -> float:
        same = sum(left == right for left, right in zip(one, other, strict=False))
        return same / max(len(one), len(other))

    def describe(self, value: Any, spec: Any, task: Any) -> str:
        return "|".join(map(str, value)) + "\n"

    def draw(self, axes: Any, value: Any, spec: Any, task: Any) -> None:
        axes.bar(range(len(value)), value)

    def sketch(self, value: Any) -> tuple[str, str] | None:
        bars = (f'<rect x="{20 * n}" width="15" height="{k}"/>' for n, k in enumerate(value))
        return f'<svg viewBox="0 0 99 99" role="img">{"".join(bars)}</svg>', "A bar is a window."

    def setting(self, value: Any, task: Any) -> Any:
        return value
