"""The figures as inline SVG, drawn by the same functions as ``kit figure``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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
    """Draw what can be drawn; also return why the others could not."""
    found, missing = list[HtmlFigure](), list[str]()
    for paper in papers.papers():
        for values in VALUES:
            for number in profiles.names(paper):
                table = tables[paper, profiles.definition(paper, number).table]
                title = f"{TITLES[paper]}, Figure {number}, {values}"
                with _noted(title, missing):
                    data = profiles.make(paper, number, means(table, values))
                    found.append(_drawn(title, profiles, data))
            table = tables[paper, ranks.NUMBERS[paper]]
            title = f"{TITLES[paper]}, mean ranks, {values}"
            with _noted(title, missing):
                found.append(_drawn(title, ranks, ranks.make(table.title, means(table, values))))
        title = f"{TITLES[paper]}, runtimes"
        with _noted(title, missing):
            hours = runtimes.make(tables[paper, runtimes.NUMBERS[paper]])
            found.append(_drawn(title, runtimes, hours))
    for figure in speed.FIGURES:
        title = f"{TITLES['dash']}, Figure {figure}, measured"
        with _noted(title, missing):
            found.append(_drawn(title, speed, speed.make(figure)))
    return found, missing


@contextmanager
def _noted(title: str, missing: list[str]) -> Iterator[None]:
    """Note why a figure cannot be drawn: too little is measured, or an extra is not installed."""
    try:
        yield
    except KitError as error:
        missing.append(f"{title}: {error}")


def _drawn(title: str, module: Any, data: Any) -> HtmlFigure:
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
