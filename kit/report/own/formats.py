"""The table of one task as text, Markdown, CSV, LaTeX and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from kit.columns import aligned
from kit.report.formats.latex import escape, in_words
from kit.report.formats.md import line, literal
from kit.report.own.table import Row, Score, TaskTable

SIGNS = {"best": "▾", "alike": "▿", "": ""}


def render(table: TaskTable, form: str) -> str:
    """Return the table in a format, ending in a newline."""
    return FORMATS[form](table)


def as_text(table: TaskTable) -> str:
    """Return the table for a terminal."""
    rows = [head(table), *(cells(row) for row in table.rows)]
    lines = [f"{table.title} ({table.task})", "", aligned(rows), "", *table.notes, ""]
    return "\n".join(lines)


def as_markdown(table: TaskTable) -> str:
    """Return the table as GitHub's Markdown."""
    first = head(table)
    rows = [first, ["---"] * len(first), *(cells(row) for row in table.rows)]
    lines = [line(map(literal, row)) for row in rows]
    notes = [f"- {literal(note)}" for note in table.notes]
    title = f"**{literal(table.title)}** (`{table.task}`)"
    return "\n".join([title, "", *lines, "", *notes, ""])


def as_csv(table: TaskTable) -> str:
    """Return CSV, one line per method and metric, with full precision."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    columns = ("task", "method", "metric", "unit", "mean", "std", "n", "seeds", "mark")
    writer.writerow([*columns, "hours", "parameters", "profile", "protocol", "tier", "state"])
    for row in table.rows:
        for (name, _, unit), each in zip(table.metrics, row.scores, strict=True):
            found = each.measured
            numbers = [found and found.mean, found and found.std, found and len(found.values)]
            shown = ["" if number is None else repr(number) for number in numbers]
            seeds = " ".join(map(str, row.seeds))
            rest = ["" if row.hours is None else repr(row.hours), _parameters(row, str)]
            left = [table.task, row.method, name, unit, *shown, seeds, each.mark]
            refused = str(found) if found is not None and found.mean is None else ""
            state = ", ".join(filter(None, (refused, row.state)))
            writer.writerow([*left, *rest, *(table.kind or ("", "", "")), state])
    return stream.getvalue()


def as_latex(table: TaskTable) -> str:
    """Return a ``table`` environment; it needs the package booktabs."""
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(table.title)}}}",
        r"\footnotesize",
    ]
    first = head(table)
    lines += [rf"\begin{{tabular}}{{l{'r' * (len(first) - 1)}}}", r"\toprule"]
    lines += [" & ".join(map(escape, first)) + r" \\", r"\midrule"]
    for row in table.rows:
        title, *rest = cells(row)
        scores = [_latex(each) for each in row.scores]
        shown = [*scores, *map(escape, rest[len(scores) :])] if row.seeds else map(escape, rest)
        lines.append(" & ".join([escape(title), *shown]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", r"\par"]
    lines += [f"{escape(in_words(note))}." for note in table.notes]
    return "\n".join([*lines, r"\end{table}", ""])


def as_json(table: TaskTable) -> str:
    """Return indented JSON, nulls where there is nothing."""
    rows = [
        {
            "method": row.method,
            "title": row.title,
            "scores": {
                name: _json(each)
                for (name, _, _), each in zip(table.metrics, row.scores, strict=True)
            },
            "seeds": list(row.seeds),
            "hours": row.hours,
            "parameters": list(row.parameters),
            "state": row.state,
        }
        for row in table.rows
    ]
    profile, protocol, tier = table.kind or (None, None, None)
    value = {
        "task": table.task,
        "title": table.title,
        "profile": profile,
        "protocol": protocol,
        "tier": tier,
        "metrics": [{"name": n, "title": t, "unit": unit} for n, t, unit in table.metrics],
        "rows": rows,
        "notes": list(table.notes),
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[TaskTable], str]] = {
    "text": as_text,
    "md": as_markdown,
    "csv": as_csv,
    "latex": as_latex,
    "json": as_json,
}


def head(table: TaskTable) -> list[str]:
    """Return the titles of the columns."""
    titles = [f"{title} ({unit})" if unit else title for _, title, unit in table.metrics]
    return ["method", *titles, "seeds", "hours", "parameters", ""]


def cells(row: Row) -> list[str]:
    """Return a row in words, as wide as ``head``."""
    if not row.seeds and not any(each.measured for each in row.scores):
        return [row.title, *[""] * (len(row.scores) + 3), row.state]
    scores = [f"{each.text}{SIGNS[each.mark]}" for each in row.scores]
    hours = "" if row.hours is None else f"{row.hours:.2g}"
    counts = _parameters(row, lambda count: f"{count:,}")
    return [row.title, *scores, str(len(row.seeds)), hours, counts, row.state]


def numbers(row: Row) -> list[float | None]:
    """Return what stands between title and remarks as numbers; None where there is none."""
    means = [each.measured.mean if each.measured else None for each in row.scores]
    least = row.parameters[0] if row.parameters else None
    return [*means, len(row.seeds) or None, row.hours, least]


def _parameters(row: Row, show: Callable[[int], str]) -> str:
    ends = sorted({row.parameters[0], row.parameters[-1]}) if row.parameters else []
    return " to ".join(map(show, ends))


def _latex(each: Score) -> str:
    style = {"best": r"\textbf{%s}", "alike": r"\underline{%s}", "": "%s"}[each.mark]
    return style % escape(each.text)


def _json(each: Score) -> dict[str, Any] | None:
    found = each.measured
    if found is None:
        return None
    return {
        "text": each.text,
        "mean": found.mean,
        "std": found.std,
        "n": len(found.values),
        "values": {str(seed): value for seed, value in found.values.items()},
        "mark": each.mark or None,
    }
