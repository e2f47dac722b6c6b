"""Web pages that a server sends instead of a file: confirmation forms, quotas, logins and others.

Google Drive answers a request for a large file with a page that says that the file could not be
scanned for viruses, and has a form that leads to the file. The form is followed as in gdown. gdown
itself is not used: it follows only forms of Drive's own hosts, and stores and resumes files in its
own way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

# Bytes of a page that are read; no page of the known hosts is longer.
LONGEST = 1 << 20
STARTS = (b"<!doctype html", b"<html")
# Identifiers and classes of the elements in Drive's pages.
FORMS, LINK = ("download-form", "downloadForm"), "uc-download-link"
ERRORS = ("uc-error-caption", "uc-error-subcaption")
# Phrases in the titles and errors of Drive's pages, and what they mean.
MEANINGS = (
    (("quota exceeded", "too many users"), "too many downloads today; try again tomorrow"),
    (
        ("sign in", "sign-in", "need access"),
        "it asks to sign in: the file is not open to everybody",
    ),
    (("does not exist", "not found"), "there is no such file any more"),
)


def is_page(content: bytes) -> bool:
    """Tell whether a file that begins with these bytes is a web page."""
    start = content[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return start.startswith(STARTS)


@dataclass(frozen=True)
class Page:
    """A web page that was sent instead of a file.

    Attributes:
        form: address of the download form, fields included; None if there is no form.
        reason: why there is no file; None if unknown.
        title: the page's title; empty if it has none.
    """

    form: str | None
    reason: str | None
    title: str

    def __str__(self) -> str:
        """Return the reason if known, else a line with the page's title."""
        if self.reason:
            return self.reason
        title = f" ({self.title!a:.80})" if self.title else ""
        return f"a web page instead of data{title} (a login or a quota?); see it in a browser"


def read(content: bytes, address: str) -> Page:
    """Parse a page.

    Args:
        content: the page, which may be truncated.
        address: the page's own address, to which the form's may be relative.
    """
    reader = _Reader()
    reader.feed(content[:LONGEST].decode("utf-8", errors="replace"))
    title, said = " ".join(reader.title.split()), " ".join(reader.error.split())
    words = f"{title} {said}".lower()
    known = (text for marks, text in MEANINGS if any(mark in words for mark in marks))
    form = None
    if reader.action:
        parts = urlsplit(urljoin(address, reader.action))
        fields = dict(parse_qsl(parts.query, keep_blank_values=True)) | reader.fields
        form = parts._replace(query=urlencode(fields)).geturl()
    return Page(form=form, reason=next(known, said[:160] or None), title=title)


@dataclass
class _Reader(HTMLParser):
    """Collects a page's title, Drive's error text, and the address of its form or link."""

    title: str = ""
    error: str = ""
    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self.inside = ""
        self.in_form = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Store a form's address and hidden fields, or the link of Drive's older pages."""
        facts = {name: value or "" for name, value in attrs}
        classes = facts.get("class", "").split()
        if tag == "title":
            self.inside = "title"
        elif any(name in ERRORS for name in classes):
            self.inside = "error"
        elif tag == "form" and facts.get("id") in FORMS:
            self.action, self.in_form = facts.get("action", ""), True
        elif tag == "input" and self.in_form and facts.get("type") == "hidden":
            self.fields[facts.get("name", "")] = facts.get("value", "")
        elif tag == "a" and facts.get("id") == LINK and not self.action:
            self.action = facts.get("href", "")

    def handle_endtag(self, tag: str) -> None:
        """Note the end of a title, an error text or a form."""
        self.in_form = self.in_form and tag != "form"
        if tag in ("title", "p", "div"):
            self.inside = ""

    def handle_data(self, data: str) -> None:
        """Collect the text of titles and errors."""
        if self.inside == "title":
            self.title += data
        elif self.inside == "error":
            self.error += f" {data}"
