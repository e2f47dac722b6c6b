"""JSON, in the form that docs/architecture.md has: rows of cells, nulls where empty."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from kit.papers import PublishedCell
from kit.report.cells import Computed, Measured
from kit.report.grid import Cell, Table


def render(table: Table) -> str:
    """Return the table as indented JSON."""
    rows = [
        {
            "method": row.method or None,
            "task": row.task or None,
            "title": row.title,
            "group": row.group,
            "cells": [_cell(cell) for cell in row.cells],
        }
        for row in table.rows
    ]
    value = {
        "paper": table.paper,
        "table": table.number,
        "title": table.title,
        "rows": rows,
        "remarks": list(table.remarks),
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _cell(cell: Cell) -> dict[str, Any]:
    measured = _computed(cell.derived) if cell.derived else _measured(cell.measured)
    return {
        "task": cell.key.task or None,
        "method": cell.key.method or None,
        "metric": cell.key.metric,
        "published": _published(cell.published),
        "best": cell.best,
        "computed": _computed(cell.computed),
        "measured": measured,
        "state": cell.state,
        "inapplicable": cell.inapplicable,
        "unread": list(cell.unread),
        "verdict": asdict(cell.verdict) if cell.verdict else None,
    }


def _published(published: PublishedCell | None) -> dict[str, Any] | None:
    if published is None:
        return None
    return {
        "mean": published.value,
        "std": None if published.std is None else float(published.std),
        "printed": str(published),
        "unit": published.unit,
        "note": published.note,
    }


def _computed(computed: Computed | None) -> dict[str, Any] | None:
    if computed is None:
        return None
    return {
        "mean": computed.value,
        "std": None,
        "text": computed.text,
        "how": computed.how,
        "agrees": computed.agrees,
    }


def _measured(measured: Measured | None) -> dict[str, Any] | None:
    if measured is None:
        return None
    return {
        "mean": measured.mean,
        "std": measured.std,
        "n": len(measured.values),
        "seeds": list(measured.seeds),
        "profile": measured.profile,
        "protocol": measured.protocol,
        "tier": measured.tier,
        "metric": measured.metric,
        "unit": measured.unit,
        "values": {str(seed): value for seed, value in measured.values.items()},
        "twice": list(measured.duplicate_seeds),
        "others": list(measured.others),
        "differs": list(measured.differs),
        "devices": list(measured.devices),
        "projected": measured.projected,
        "settings": list(measured.settings),
        "beside": _measured(measured.beside),
    }
