"""README's measured table, written from the results in ``docs/results``: ``make numbers``.

Those are the ``result.json`` of ``make reproduce``, ten minutes on two idle cores. A change that
moves them raises the version of a task or method; then the table says 'not run', and they are to be
made again.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from kit import paths, plan
from kit.plan.request import PlanRequest
from kit.report import formats
from kit.report.table import make
from kit.runs.collect import collect

README = paths.project() / "README.md"
RESULTS = Path("docs") / "results" / "runs"
BLOCK = re.compile(r"(?<=^## What comes out\n\n```\n).*?(?=^```$)", re.M | re.S)
WIDTH = 92
# 'make reproduce'; other runs of Table 5 stand in the column below.
ASKED = PlanRequest("dash", 5, "lite", "released", tasks=("darcy-flow",))


def table() -> str:
    """Return Table 5 as README has it: the first five tasks, and how they were measured."""
    found = collect(paths.project() / RESULTS)
    asked = {run.spec.id for run in plan.make(ASKED).runs}
    mine = [result for result in found.results if result.spec.id in asked]
    text = formats.render(make("dash", 5, mine), "text")
    title, first, _, notes = text.split("\n\n")
    marks = set(re.findall(r"\[[a-z]\]", first))
    measured = [line for line in notes.splitlines() if line[:3] in marks]
    wrapped = [textwrap.fill(line, WIDTH, subsequent_indent=" " * 4) for line in measured]
    return "\n".join([title, "", first, "...", *wrapped, ""])


def numbers(block: str) -> list[str]:
    """Return the measured cells of such a table, and how they were measured.

    What else stands in it, such as 'n/a' where a method comes to the kit, is no number of a run.
    """
    cells, notes = block.split("\n...\n")
    lines = [line for line in cells.splitlines() if line.startswith("  measured")]
    told = re.findall(r"^\[\w\] seeds.*(?:\n    .*)*", notes, re.M)
    return [*re.findall(r"\S+±\S+ \[\w\]\S*", "\n".join(lines)), *told]


def main() -> None:
    """Write it into README."""
    text = README.read_text(encoding="utf-8")
    README.write_text(BLOCK.sub(lambda _: table(), text), encoding="utf-8")


if __name__ == "__main__":
    main()
