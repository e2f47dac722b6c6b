"""The tables of docs/own-data.md, written from the results in docs/results/own: ``make numbers``.

The page has the commands that made those; the tasks' facts lie beside them. The tables stand below
comments that name them.
"""

from __future__ import annotations

import os
import re

from kit import paths, task
from kit.report.own import formats, table
from kit.runs.collect import collect

PAGE = paths.project() / "docs" / "own-data.md"
RESULTS = paths.project() / "docs" / "results" / "own"
BLOCK = re.compile(r"(?<=^<!-- )(table|notes): (\S+) -->\n\n(?:[|-] .*\n)*\n?", re.M)


def block(what: str, name: str) -> str:
    """Return the rows of a task's table, or how they were measured, as Markdown."""
    found = collect(RESULTS / "runs")
    filled = table.make(task.find(name), found.results, rejected=found.rejected)
    _, rows, notes = formats.render(filled, "md").split("\n\n")
    return f"{rows}\n" if what == "table" else notes


def written(text: str) -> str:
    """Return the page with its tables as the results have them."""
    return BLOCK.sub(lambda at: f"{at[1]}: {at[2]} -->\n\n{block(at[1], at[2])}\n", text)


def main() -> None:
    """Write them into the page."""
    os.environ["KIT_TASKS"] = str(RESULTS / "tasks")
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
