"""Columns and studies in README and docs, written from ``docs/results``: ``make numbers``.

docs/study.md has the commands that make the results, and how they come to ``docs/results``.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from kit import paths, task
from kit.report import column, column_formats, study
from kit.report.figures import save
from kit.report.figures.column import draw
from kit.report.kinds import WantedKind
from kit.runs.collect import collect
from kit.runs.records import Result
from kit.spec import Kind, Profile, Protocol, Tier
from tests.readme_numbers import README, RESULTS

PAGES = (README, *(paths.project() / "docs" / page for page in ("study.md", "search.md")))
PROFILE: Profile = "lite"
PROTOCOL: Protocol = "released"
# Task by task, the tier that its runs are of.
COLUMNS: dict[str, Tier] = {"darcy-flow": "regenerated", "ecg": "published"}
STUDIES = ("controls", "ablation")
OF = "darcy-flow"


def blocks() -> dict[str, str]:
    """Return what stands between the marks of the pages, by the name of the mark."""
    made = {}
    for name in COLUMNS:
        found, mark = column_of(name), f"column {name}"
        (page,) = (page for page in PAGES if f"<!-- {mark}:" in page.read_text(encoding="utf-8"))
        folder = "docs/" if page == README else ""
        picture = f"\n![Errors measured and printed]({folder}column-{name}.svg)\n"
        made[mark] = column_formats.as_markdown(found) + (picture if found.rows else "")
    made |= {f"study {name} {OF}": study.as_markdown(study_of(name)) for name in STUDIES}
    return made


@cache
def results(folder: Path = RESULTS) -> list[Result]:
    """Return the results in a folder of ``docs/results``."""
    return collect(paths.project() / folder).results


def column_of(name: str) -> column.Column:
    """Return a task's column from them, without the runs of studies, which have overrides."""
    found = task.find(name)
    tier = COLUMNS[name]
    runs = [each for each in results() if not each.spec.overrides]
    return column.make(found, runs, WantedKind(PROFILE, PROTOCOL, tier))


def study_of(name: str) -> study.StudyTable:
    """Return a study from them."""
    found, tier = task.find(OF), COLUMNS[OF]
    runs = results()
    return study.make(name, found, runs, (), Kind(PROFILE, PROTOCOL, tier))


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
        if column_of(name).rows:
            save(draw(column_of(name)), paths.project() / "docs" / f"column-{name}.svg")


if __name__ == "__main__":
    main()
