"""A comparison of two sets of runs as text and JSON."""

from __future__ import annotations

import dataclasses
from typing import Any

from kit.columns import aligned, plural
from kit.report.compare import Compared, Comparison, Entry
from kit.report.statistics import Paired
from kit.report.verdict import summary


def as_text(found: Comparison) -> str:
    """Return a comparison for a terminal: a line per cell, then over tasks."""
    kinds = sorted({each.kind for cell in found.cells for each in (cell.first, cell.second)})
    heads = ("task", "method", "metric", "kind", found.first, found.second, "B - A", "90 %", "", "")
    rows = [heads, *(_line(cell, several=len(kinds) > 1) for cell in found.cells)]
    title = f"B, {found.second}, against A, {found.first}; {'; '.join(kinds)}; lower is better"
    kept = [index for index in range(len(heads)) if any(row[index] for row in rows[1:])]
    lines = [title, "", aligned([[row[index] for index in kept] for row in rows])]
    lines += ["", summary([cell.verdict for cell in found.cells if cell.verdict])]
    lines += [_over_tasks(found, method, each) for method, each in found.over_tasks]
    lines += [f"note: {remark}" for remark in _joined(found)]
    return "\n".join(lines)


def as_json(found: Comparison) -> dict[str, Any]:
    """Return a comparison as plain values."""
    value = dataclasses.asdict(found)
    for cell, shown in zip(found.cells, value["cells"], strict=True):
        for side in ("first", "second"):
            shown[side]["interval"] = getattr(cell, side).interval
    value["over_tasks"] = [
        {"method": method or None, **dataclasses.asdict(each)} for method, each in found.over_tasks
    ]
    return {**value, "counts": found.counts}


def _line(cell: Compared, *, several: bool) -> tuple[str, ...]:
    """Return the words of a cell, with its kind if there are several."""
    verdict = cell.verdict
    interval = verdict and verdict.interval
    return (
        cell.task,
        cell.method,
        cell.metric,
        # Where the sides differ in it, the note says so.
        cell.first.kind if several and cell.first.kind == cell.second.kind else "",
        _side(cell.first),
        _side(cell.second),
        f"{verdict.difference:+.3g}" if verdict else "",
        f"[{interval[0]:+.3g}, {interval[1]:+.3g}]" if interval else "",
        verdict.label if verdict else "",
        f"({cell.note})" if cell.note else "",
    )


def _joined(found: Comparison) -> list[str]:
    """Return the remarks, with what only one side has in a line for each side."""
    lines = list(found.remarks)
    for name in (found.first, found.second):
        start = f"only {name} has "
        mine = [line.removeprefix(start) for line in lines if line.startswith(start)]
        if mine:
            rest = [line for line in lines if not line.startswith(start)]
            lines = [f"{start}{', '.join(mine)}", *rest]
    return lines


def _side(entry: Entry) -> str:
    if entry.refused:
        return entry.text
    interval = entry.interval
    between = f", {interval[0]:.4g} to {interval[1]:.4g}" if interval else ""
    count = f"{len(entry.values)}{between}" if entry.values else "printed"
    return f"{entry.text} [{count}]"


def _over_tasks(found: Comparison, method: str, each: Paired) -> str:
    name = f"{method} of {found.second}" if method else found.second
    tasks = plural(each.tasks, "task")
    tasks += " of mixed kinds" if len(found.kinds(method)) > 1 else ""
    line = f"over {tasks} {name} wins {each.wins}, ties {each.ties}, loses {each.losses}"
    ends = each.interval
    between = f", 95 % {ends[0]:+.1%} to {ends[1]:+.1%}" if ends else ""
    line += f"; error {each.change:+.1%} (median{between})"
    if each.wilcoxon is not None and each.sign is not None:
        line += f"; Wilcoxon p = {each.wilcoxon:.3g}, sign test p = {each.sign:.3g}"
    return line
