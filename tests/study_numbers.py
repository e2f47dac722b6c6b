"""README's columns of the study, written from ``docs/results``: ``make numbers``.

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

# Task by task, the tier that its runs are of.
COLUMNS = {"darcy-flow": "regenerated", "ecg": "published"}
STUDY = ("controls", "darcy-flow")


def blocks() -> dict[str, str]:
    """Return what README has between its marks, by the name of the mark."""
    found = collect(paths.project() / RESULTS).results
    made = {}
    for name in COLUMNS:
        shown = column_formats.markdown(_column(name))
        picture = f"\n![Errors measured and printed](docs/column-{name}.svg)\n"
        made[f"column {name}"] = shown + (picture if _column(name).rows else "")
    name, of = STUDY
    how = {"profile": "lite", "protocol": "released", "tier": COLUMNS[of]}
    table = study.make(name, task.find(of), found, (), **how)  # type: ignore[arg-type]
    made[f"study {name} {of}"] = study.as_markdown(table)
    return made


def stated() -> dict[str, str]:
    """Return what stands there now."""
    marks = re.findall(r"<!-- (.*?): make numbers -->\n(.*?)<!-- end -->", _readme(), re.S)
    return dict(marks)


def main() -> None:
    """Write the blocks into README, and the pictures beside the documentation."""
    text = _readme()
    for mark, made in blocks().items():
        opening = f"<!-- {mark}: make numbers -->\n"
        pattern = re.compile(rf"(?<={re.escape(opening)}).*?(?=<!-- end -->)", re.S)
        text = pattern.sub(lambda _, made=made: made, text, count=1)  # type: ignore[misc]
    README.write_text(text, encoding="utf-8")
    for name in COLUMNS:
        if _column(name).rows:
            save(draw(_column(name)), paths.project() / "docs" / f"column-{name}.svg")


def _column(name: str) -> column.Column:
    found = collect(paths.project() / RESULTS).results
    how = {"profile": "lite", "protocol": "released", "tier": COLUMNS[name]}
    return column.make(task.find(name), found, **how)  # type: ignore[arg-type]


def _readme() -> str:
    return README.read_text(encoding="utf-8")


if __name__ == "__main__":
    main()
