"""The report of ``kit bench gpu``: kept as JSON, shown as a page of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from kit import paths
from kit.files import write_bytes, write_json

Row = dict[str, Any]


class GpuReport(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What was measured, and on what.

    Attributes:
        device: its name.
        memory: of the device, bytes; None on a CPU.
        seconds: that all of it took.
        parts: rows by the title of their part; those of a part have the same fields.
        problems: jobs that failed or were left out, a line each.
    """

    device: str
    memory: int | None
    torch: str
    cuda: str | None
    commit: str | None
    seconds: float
    parts: dict[str, list[Row]]
    problems: list[str]


def file_of(device: str, suffix: str) -> Path:
    """Return where the report of a device is kept; the suffix is ``json`` or ``md``."""
    name = re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-")
    return paths.results() / "speed" / f"gpu-{name}.{suffix}"


def save(report: GpuReport) -> None:
    """Write both files, each as a whole."""
    write_json(file_of(report.device, "json"), report)
    write_bytes(file_of(report.device, "md"), markdown(report).encode())


def markdown(report: GpuReport) -> str:
    """Return the page."""
    memory = f", {report.memory / 2**30:.0f} GiB" if report.memory else ""
    cuda = f", CUDA {report.cuda}" if report.cuda else ""
    commit = f", commit {report.commit[:10]}" if report.commit else ""
    lines = [
        f"# {report.device}",
        "",
        f"`kit bench gpu`: {report.device}{memory}, torch {report.torch}{cuda}{commit}; "
        f"{report.seconds:.0f} s in all. Times are interleaved medians.",
    ]
    for title, rows in report.parts.items():
        lines += ["", f"## {title}", "", *(_table(rows) if rows else ["Nothing was measured."])]
    if report.problems:
        lines += ["", "## What is missing", "", *(f"- {problem}" for problem in report.problems)]
    return "\n".join(lines) + "\n"


def _table(rows: list[Row]) -> Iterable[str]:
    yield f"| {' | '.join(map(_heading, rows[0]))} |"
    yield f"|{' --- |' * len(rows[0])}"
    for row in rows:
        yield f"| {' | '.join(_cell(*item) for item in row.items())} |"


def _heading(field: str) -> str:
    field = re.sub(r"_?seconds$", " ms", re.sub(r"_?bytes$", " MB", field))
    return field.replace("_", " ").strip()


def _cell(field: str, value: Any) -> str:
    if value is None:
        return ""
    if field.endswith("seconds"):
        return f"{1e3 * value:.3g}"
    if field.endswith("bytes"):
        return f"{value / 1e6:.1f}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
