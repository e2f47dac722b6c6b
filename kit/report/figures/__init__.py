"""Figures: data in, matplotlib figures out. Colours are those of Okabe and Ito, for any eye."""

from __future__ import annotations

import io
import textwrap
from pathlib import Path
from typing import Any

from kit import extras
from kit.errors import KitError

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
MARKERS = "osD^vPX"
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
KINDS = ("svg", "pdf", "png")
# Inches: the text width of a paper, and of one of two columns.
WIDE, NARROW = 6.8, 3.3


def new(width: float, height: float) -> Any:
    """Return an empty figure of so many inches whose parts make room for each other.

    Raises:
        KitError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise KitError(f"figures need matplotlib: {extras.install('plots')}") from None
    # A fixed salt and text as text make the same figure the same bytes.
    matplotlib.rcParams |= {
        "svg.fonttype": "none",
        "pdf.fonttype": 42,  # TrueType: conferences refuse Type 3
        "svg.hashsalt": "kit",
        "font.size": 8,
        "axes.titlesize": 8.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.alpha": 0.3,
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "lines.linewidth": 1.6,
    }
    return Figure(figsize=(width, height), layout="constrained")


def coefficient(value: float | None) -> str:
    """Return a coefficient as figures print it, ``-`` where it is not defined."""
    return "-" if value is None else f"{value:.3f}"


def entitle(figure: Any, text: str, size: float = 7) -> None:
    """Put a title over a figure, in as many lines as it takes to stay within it."""
    characters = figure.get_figwidth() * 72 / (0.55 * size)
    lines = [textwrap.fill(line, int(characters)) for line in text.splitlines()]
    figure.suptitle("\n".join(lines), fontsize=size)


def render(figure: Any, kind: str) -> bytes:
    """Return a figure as SVG, PDF or PNG; the same figure gives the same bytes."""
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, metadata=metadata, dpi=200)
    return stream.getvalue()


def save(figure: Any, path: Path) -> None:
    """Write a figure to a file whose suffix says how.

    Raises:
        KitError: another suffix than .svg, .pdf or .png.
    """
    from kit.files import write_bytes

    kind = path.suffix.lstrip(".").lower()
    if kind not in KINDS:
        raise KitError(f"{path} ends in none of .svg, .pdf, .png")
    write_bytes(path, render(figure, kind))
