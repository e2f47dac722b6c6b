"""What a run wrote down epoch by epoch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's history, those of its trials after them.

    A line that was cut off, the last of a run at work or killed, is left out.
    """
    lines = []
    files = [folder / "history.jsonl", *sorted((folder / "trials").glob("*/history.jsonl"))]
    for file in files:
        for line in file.read_text().splitlines() if file.exists() else ():
            try:
                lines.append(json.loads(line))
            except ValueError:
                break
    return lines
