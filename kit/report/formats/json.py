"""JSON, in the form of DESIGN section 5: rows of cells, nulls where empty."""

from __future__ import annotations

import json
from typing import Any

from kit.report.table import Cell, Table


def render(table: Table) -> str:
    """Return the table as indented JSON."""
    rows = [
        {"method": row.method, "title": row.title, "cells": [_cell(cell) for cell in row.cells]}
        for row in table.rows
    ]
    value = {
        "paper": table.paper,
        "table": table.number,
        "rows": rows,
        "remarks": list(table.remarks),
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _cell(cell: Cell) -> dict[str, Any]:
    published, measured = cell.published, cell.measured
    return {
        "task": cell.column.task,
        "metric": cell.column.metric,
        "published": published
        and {
            "mean": float(published.mean),
            "std": None if published.std is None else float(published.std),
            "printed": str(published),
            "note": published.note,
        },
        "measured": measured
        and {
            "mean": measured.mean,
            "std": measured.std,
            "n": len(measured.values),
            "seeds": list(measured.seeds),
            "profile": measured.profile,
            "protocol": measured.protocol,
            "tier": measured.tier,
            "values": {str(seed): value for seed, value in measured.values.items()},
            "settings": list(measured.settings),
        },
        "verdict": None,
    }
