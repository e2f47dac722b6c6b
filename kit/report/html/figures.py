"""The figures as inline SVG, drawn by the same functions as ``kit figure``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

from markupsafe import Markup

from kit import papers
from kit.errors import KitError
from kit.report.figures import profiles, ranks, render, runtimes, speed
from kit.report.grid import Table
from kit.report.html.matrix import TITLES
from kit.report.means import VALUES, means

PIXELS = 130  # per inch: matplotlib's 8 points are small on a screen
NARROW = 4  # inches; a wider figure scrolls on a phone, so that its words stay legible


@dataclass(frozen=True)
class HtmlFigure:
    """A figure: inline SVG, and its data as text."""

    title: str
    caption: str
    svg: Markup
    text: str


def drawn(tables: Mapping[tuple[str, int], Table]) -> tuple[list[HtmlFigure], list[str]]:
    """Draw what can be drawn; also return why the others could not.

    Too little may be measured, or a package for figures may not be installed.
    """
    found, missing = list[HtmlFigure](), list[str]()
    for title, module, make in _figures(tables):
        try:
            found.append(_drawn(title, module, make()))
        except KitError as error:
            missing.append(f"{title}: {error}")
    return found, missing


def _figures(
    tables: Mapping[tuple[str, int], Table],
) -> Iterator[tuple[str, ModuleType, Callable[[], Any]]]:
    """Yield the title of each figure, the module that draws it, and what returns its data."""
    for paper in papers.papers():
        for values in VALUES:
            for number in profiles.names(paper):
                table = tables[paper, profiles.definition(paper, number).table]
                title = f"{TITLES[paper]}, Figure {number}, {values}"
                yield title, profiles, partial(profiles.make, paper, number, means(table, values))
            table = tables[paper, ranks.NUMBERS[paper]]
            title = f"{TITLES[paper]}, mean ranks, {values}"
            yield title, ranks, partial(ranks.make, table.title, means(table, values))
        table = tables[paper, runtimes.NUMBERS[paper]]
        yield f"{TITLES[paper]}, runtimes", runtimes, partial(runtimes.make, table)
    for figure in speed.FIGURES:
        yield f"{TITLES['dash']}, Figure {figure}, measured", speed, partial(speed.make, figure)


def _drawn(title: str, module: ModuleType, data: Any) -> HtmlFigure:
    name = re.sub(r"[^a-z0-9]+", "-", title.lower())
    return HtmlFigure(title, data.title, inline(module.draw(data), title, name), module.text(data))


def inline(figure: Any, title: str, name: str) -> Markup:
    """Return a matplotlib figure as SVG fit for a page: no style attributes, ids after ``name``.

    The page's content policy forbids styles inside of elements; each of matplotlib's properties
    has an attribute of the same name. Colours that depend on the theme are the style sheet's.
    """
    svg = render(figure, "svg").decode()
    body = svg[svg.index("<svg ") + len("<svg ") :]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", body, flags=re.S)
    body = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", body)
    body = re.sub(r'style="([^"]*)"', lambda match: _attributes(match[1]), body)
    body = re.sub(r'(width|height)="[\d.]+pt"', "", body)
    inches = figure.get_figwidth()
    shape = "wide" if inches > NARROW else "narrow"
    opening = Markup('<svg class="{}" width="{:.0f}" role="img" aria-label="{}" ')
    return opening.format(shape, PIXELS * inches, title) + Markup(body)


def _attributes(style: str) -> str:
    pairs = (rule.partition(":") for rule in style.split(";") if rule.strip())
    return " ".join(
        f'{name.strip()}="{value.strip()}"'
        for name, _, value in pairs
        if name.strip() != "font-family"  # the page's own
    )
