"""Columns and studies in README and docs/study.md, written from ``docs/results``: ``make numbers``.

docs/study.md has the commands that make the results, and how they come to ``docs/results``.
"""

from __future__ import annotations

import re

from kit import paths, task
from kit.report import column, column_formats, study
from kit.report.figures import save
from kit.report.figures.column import draw
from kit.runs.collect import collect
from tests.readme_numbers import README, RESULTS

PAGES = (README, paths.project() / "docs" / "study.md")
# Task by task, the tier that its runs are of.
COLUMNS = {"darcy-flow": "regenerated", "ecg": "published"}
STUDY = ("controls", "darcy-flow")


def blocks() -> dict[str, str]:
    """Return what stands between the marks of the pages, by the name of the mark."""
    made = {}
    for name in COLUMNS:
        shown = column_formats.markdown(_column(name))
        mark = f"column {name}"
        (page,) = (page for page in PAGES if f"<!-- {mark}:" in page.read_text(encoding="utf-8"))
        folder = "docs/" if page == README else ""
        picture = f"\n![Errors measured and printed]({folder}column-{name}.svg)\n"
        made[mark] = shown + (picture if _column(name).rows else "")
    name, of = STUDY
    made[f"study {name} {of}"] = study.as_markdown(controls())
    return made


def controls() -> study.StudyTable:
    """Return the study of controls from the results in ``docs/results``."""
    name, of = STUDY
    found = collect(paths.project() / RESULTS).results
    how = {"profile": "lite", "protocol": "released", "tier": COLUMNS[of]}
    return study.make(name, task.find(of), found, (), **how)  # type: ignore[arg-type]


def stated() -> dict[str, str]:
    """Return what stands there now."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    return dict(re.findall(r"<!-- (.*?): make numbers -->\n(.*?)<!-- end -->", text, re.S))


def main() -> None:
    """Write the blocks into the pages, and the pictures beside the documentation."""
    made = blocks()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for mark, block in made.items():
            opening = f"<!-- {mark}: make numbers -->\n"
            pattern = re.compile(rf"(?<={re.escape(opening)}).*?(?=<!-- end -->)", re.S)
            text = pattern.sub(lambda _, block=block: block, text, count=1)  # type: ignore[misc]
        page.write_text(text, encoding="utf-8")
    for name in COLUMNS:
        if _column(name).rows:
            save(draw(_column(name)), paths.project() / "docs" / f"column-{name}.svg")


def _column(name: str) -> column.Column:
    found = collect(paths.project() / RESULTS).results
    how = {"profile": "lite", "protocol": "released", "tier": COLUMNS[name]}
    return column.make(task.find(name), found, **how)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
