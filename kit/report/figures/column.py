"""A column drawn: measured errors in their order, and the printed ones of the same methods."""

from __future__ import annotations

from typing import Any

from kit.report.column import Column
from kit.report.column_formats import told
from kit.report.figures import COLOURS, WIDE, entitle, new


def draw(column: Column) -> Any:
    """Return the matplotlib figure.

    The left panel has each seed as a dot and the mean as a bar, the right one what is printed. If
    the two orders agree, both panels fall alike.
    """
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    rows = column.rows[::-1]
    drawn = new(WIDE, 0.7 + 0.2 * max(4, len(rows)))
    left, right = drawn.subplots(1, 2, sharey=True)
    for place, row in enumerate(rows):
        colour = COLOURS[6] if row.printed is None else COLOURS[0]
        values = row.measured.defined
        left.plot(values, [place] * len(values), "o", color=colour, markersize=3, alpha=0.6)
        left.plot([row.measured.mean], [place], "|", color=colour, markersize=9)
        if row.printed is not None:
            right.plot([row.printed.value], [place], "o", color=COLOURS[1], markersize=4)
    left.set_yticks(range(len(rows)), [row.title for row in rows])
    left.set_ylim(-0.6, len(rows) - 0.4)
    for axes, title in ((left, "measured here"), (right, "printed, at full size")):
        axes.set(title=title, xlabel=column.metric)
        # A logarithm would leave out an error of zero.
        if all(value > 0 for line in axes.lines for value in line.get_xdata()):
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.grid()
    kind = ", ".join(column.kind or ("nothing measured",))
    entitle(drawn, f"{column.title}: {kind}\n{told(column.agreement)}")
    return drawn
