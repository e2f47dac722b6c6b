"""Figures of the original program, and what they stand for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VALUES: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text())


def tokens_of(name: str) -> list[int]:
    """Return the tokens of one of the architectures there."""
    return [int(digit) for digit in VALUES["tokens"][name]]
