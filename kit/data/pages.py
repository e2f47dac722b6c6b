"""Web pages that come in place of a file: Drive's confirmation, its quota, a login, anything else.

Drive answers a request for a large file by a page that says that it could not look for viruses,
with a form that leads to the file. The form is followed as gdown does. gdown itself does not fit:
it follows forms of Drive's own hosts alone, and keeps, resumes and counts bytes in its own way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

# No page that any of the hosts sends is longer.
LONGEST = 1 << 20
STARTS = (b"<!doctype html", b"<html")
FORMS, LINK = ("download-form", "downloadForm"), "uc-download-link"
ERRORS = ("uc-error-caption", "uc-error-subcaption")
# What Drive's pages say in their titles and errors, and what it means.
MEANINGS = (
    (("quota exceeded", "too many users"), "too many downloads today; try again tomorrow"),
    (
        ("sign in", "sign-in", "need access"),
        "it asks to sign in: the file is not open to everybody",
    ),
    (("does not exist", "not found"), "there is no such file any more"),
)


def is_page(content: bytes) -> bool:
    """Tell whether bytes are the start of a web page."""
    start = content[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return start.startswith(STARTS)


@dataclass(frozen=True)
class Page:
    """A page that came in place of a file.

    Attributes:
        form: where its download form leads; None if there is none.
        reason: what it means, where that is known.
        title: in its own words.
    """

    form: str | None
    reason: str | None
    title: str

    def __str__(self) -> str:
        """Return the meaning, or a line that names the page."""
        if self.reason:
            return self.reason
        title = f" ({self.title!a:.80})" if self.title else ""
        return f"a web page instead of data{title} (a login or a quota?); see it in a browser"


def read(content: bytes, address: str) -> Page:
    """Return what a page says, and where its form leads.

    Args:
        content: of the page; it may be cut.
        address: where it came from; a form's address may be relative to it.
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
    """Collects the title, Drive's words of refusal, and the form's or the link's address."""

    title: str = ""
    error: str = ""
    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self.inside = ""
        self.in_form = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in a form's address, its hidden fields, or the link of Drive's older pages."""
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
        """Leave a title, a refusal or a form."""
        self.in_form = self.in_form and tag != "form"
        if tag in ("title", "p", "div"):
            self.inside = ""

    def handle_data(self, data: str) -> None:
        """Collect words."""
        if self.inside == "title":
            self.title += data
        elif self.inside == "error":
            self.error += f" {data}"
