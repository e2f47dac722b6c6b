"""Reading the report's pages without a browser."""

from __future__ import annotations

from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag


class Page(HTMLParser):
    """A page's elements, links, ids and text."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.elements if "id" in attributes]

    def addresses(self) -> list[str]:
        """Everything that the page points to or loads."""
        names = ("href", "src", "xlink:href", "action", "data", "srcset", "poster")
        return [str(a[name]) for _, a in self.elements for name in names if name in a]

    def dead_links(self) -> list[str]:
        dead = []
        for address in self.addresses():
            path, fragment = urldefrag(address)
            file = (self.file.parent / unquote(path)) if path else self.file
            if not file.is_file() or (fragment and unquote(fragment) not in _ids(file)):
                dead.append(address)
        return dead


def _ids(file: Path) -> frozenset[str]:
    state = file.stat()
    return _ids_once(file.resolve(), (state.st_ino, state.st_mtime_ns, state.st_size))


@cache
def _ids_once(file: Path, state: tuple[int, ...]) -> frozenset[str]:
    """The ids of a page in this state, which is read once for all that point there."""
    del state
    return frozenset(Page(file).ids)


def pages(folder: Path) -> list[Page]:
    return [Page(file) for file in sorted(folder.rglob("*.html"))]
