"""Building the site: gather, render by jinja2, and put the whole folder in place at once."""

from __future__ import annotations

import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from kit import papers, paths, task
from kit.errors import BusyError, KitError
from kit.files import locked
from kit.report import table as tables
from kit.report.grid import Table
from kit.report.html import figures, matrix
from kit.report.html.links import Links
from kit.report.html.runs import Run, find, with_page
from kit.report.own import formats
from kit.report.own import table as own_table
from kit.report.tables import sizes
from kit.runs.collect import Collected, collect
from kit.spec import PROFILES, TIERS
from kit.task import Task

HERE = Path(__file__).resolve().parent
CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")
MARKER = "kit-report.txt"
SIBLINGS = 20  # that a run's page links, the next ones

# What the cells of a table are that needs the sizes of models.
COUNTED = ("epochs", "sizes")

Progress = Callable[[int, int], None]
# File, template, what the template needs.
Page = tuple[str, str, dict[str, Any]]


@dataclass(frozen=True)
class Built:
    """A finished report: its folder, how many runs it shows, how many of them have no result."""

    folder: Path
    runs: int
    unfinished: int


def build(folder: Path, progress: Progress = lambda *_: None) -> Built:
    """Write the report of all results to a folder; an earlier report there is replaced at once.

    Raises:
        KitError: the folder holds something else.
        BusyError: another process builds there.
    """
    if folder.exists() and not (folder / MARKER).exists() and any(folder.iterdir()):
        raise KitError(f"{folder} holds something that is no report; name another folder")
    with locked(folder.with_name(f".{folder.name}.lock")) as mine:
        if not mine:
            raise BusyError(f"another process is building {folder}; wait for its end")
        fresh, old = (folder.with_name(f".{folder.name}.{word}") for word in ("new", "old"))
        for left in (fresh, old):  # by a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        try:
            built = _write(fresh, progress)
            if folder.exists():
                folder.rename(old)
            fresh.rename(folder)
        finally:
            for left in (fresh, old):
                shutil.rmtree(left, ignore_errors=True)
    return Built(folder, *built)


def _write(folder: Path, progress: Progress) -> tuple[int, int]:
    shutil.copytree(HERE / "assets", folder / "assets")
    line = "Made by 'kit report', which may replace this folder.\n"
    (folder / MARKER).write_text(line, encoding="utf-8")
    with ThreadPoolExecutor(1) as beside:
        counting = beside.submit(sizes.count_all)
        found = collect()
        runs = find(paths.runs(), found)
        environment = _environment(runs)
        total = len(with_page(runs)) + len(_tables()) + len(_own(found)) + 5
        for number, (name, template, values) in enumerate(_pages(found, runs, counting)):
            progress(number, total)
            text = environment.get_template(template).render(
                root="../" * name.count("/"), page=name, **values
            )
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    return len(runs), sum(run.result is None for run in runs)


def _tables() -> list[tuple[str, int]]:
    return [(paper, number) for paper in papers.papers() for number in papers.tables(paper)]


def _pages(found: Collected, runs: list[Run], counting: Future[None]) -> Iterator[Page]:
    """Yield all pages, last those that need the sizes of models, which are being counted."""

    def make(keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Table]:
        return {key: tables.make(*key, found.results, rejected=found.rejected) for key in keys}

    yield from _run_pages(runs)
    counted = [key for key in _tables() if papers.layout(*key).cells in COUNTED]
    made = make(key for key in _tables() if key not in counted)
    yield "index.html", "overview.html", _overview([made[key] for key in matrix.MAIN], runs)
    drawn, missing = figures.drawn(made)
    yield "figures.html", "figures.html", {"figures": drawn, "missing": missing}
    counting.result()
    made |= make(counted)
    ordered = [made[key] for key in _tables()]
    own = [own_table.make(each, found.results, rejected=found.rejected) for each in _own(found)]
    yield "tables/index.html", "tables.html", {"tables": ordered, "own": own}
    for each in own:
        shown = [(formats.cells(row), formats.numbers(row)) for row in each.rows]
        filled = {"table": each, "head": formats.head(each), "rows": shown}
        yield f"tables/task-{each.task}.html", "task.html", filled
    for table in ordered:
        cells = [cell for row in table.rows for cell in row.cells]
        values = {
            "table": table,
            "has_measured": any(cell.measured for cell in cells),
            "has_computed": any(cell.computed for cell in cells),
        }
        yield f"tables/{table.paper}-{table.number}.html", "table.html", values
    errata = [
        (table, row, cell)
        for table in ordered
        for row in table.rows
        for cell in row.cells
        if cell.published and cell.published.note
    ]
    yield "errata.html", "errata.html", {"tables": ordered, "errata": errata}


def _own(found: Collected) -> list[Task]:
    """Return the tasks with results that no paper has."""
    known = set(task.names())
    ran = {result.spec.task for result in found.results}
    return [task.find(name) for name in sorted(ran & known) if not papers.has_task(name)]


def _run_pages(runs: list[Run]) -> Iterator[Page]:
    shown = with_page(runs)
    listed = {"choices": _choices(runs), "shown": {run.place for run in shown}}
    yield "runs/index.html", "runs.html", listed
    cells_of: dict[tuple[str, ...], list[Run]] = defaultdict(list)
    for run in shown:
        cells_of[run.place.parts[:3]].append(run)
    by_id = {run.spec.id: run for run in shown if run.spec}
    for run in shown:
        cell = cells_of[run.place.parts[:3]]
        first = max(0, cell.index(run) - SIBLINGS // 2)
        others = [other for other in cell[first : first + SIBLINGS + 1] if other is not run]
        inputs = run.spec.inputs if run.spec else {}
        known = [(name, by_id[each]) for name, each in inputs.items() if each in by_id]
        yield f"runs/{run.page}", "run.html", {"run": run, "siblings": others, "inputs": known}


def _overview(main: list[Table], runs: list[Run]) -> dict[str, Any]:
    tiers = Counter(run.spec.tier for run in runs if run.spec)
    profiles = Counter(run.profile for run in runs)
    return {
        "main": main,
        "legend": matrix.legend(main),
        "generated": [(tier, tiers[tier]) for tier in TIERS[1:] if tiers[tier]],
        "reduced": [(name, profiles[name]) for name in PROFILES[1:] if profiles[name]],
        "problems": [run for run in with_page(runs) if run.problem],
    }


def _choices(runs: list[Run]) -> list[tuple[str, list[str]]]:
    """Return the columns of the list of runs that have a choice, with what there is to choose."""
    columns = {
        "Task": {run.task for run in runs},
        "Method": {run.method for run in runs},
        "Profile": {run.profile for run in runs},
        "State": {run.state for run in runs},
    }
    return [(name, sorted(found)) for name, found in columns.items() if len(found) > 1]


def _environment(runs: list[Run]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "papers": papers.papers(),
        "paper_title": matrix.TITLES.get,
        "judged": matrix.judged,
        "runs": runs,
        "states": Counter(run.state for run in runs),
        "links": Links(with_page(runs)),
        "sign_of": matrix.sign,
    }
    environment.filters |= {"number": _number, "duration": _duration}
    return environment


def _printable(value: Any) -> Any:
    """Drop what is no character, such as a terminal's colours, from any text that is shown."""
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    return CONTROL.sub("", value)


def _number(value: float | None) -> str:
    return "NaN" if value is None else f"{value:.5g}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60}:{minutes % 60:02d} h" if minutes >= 60 else f"{minutes} min"
