"""A web server on 127.0.0.1 that plays the hosts of the papers' files, each with its own ways.

``https://HOST/PATH`` is ``http://127.0.0.1:PORT/HOST/PATH`` here; see ``Hosts.local``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from kit.task import Source, Task
from tests.data.quiet_server import QuietServer

USERCONTENT, DRIVE = "drive.usercontent.google.com", "drive.google.com"
ZENODO, FIGSHARE, BUCKET = "zenodo.org", "figshare.com", "pde-xd.s3.amazonaws.com"

VIRUS = """<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>
<div class="uc-main"><div id="uc-text"><p class="uc-warning-caption">Google Drive can't scan this
file for viruses.</p><p class="uc-warning-subcaption"><span class="uc-name-size"><a href="/open">
audio.zip</a> (24G)</span> is too large for Google to scan for viruses.</p>
<form id="download-form" action="{action}" method="get">
<input type="submit" id="uc-download-link" class="goog-inline-block" value="Download anyway"/>
<input type="hidden" name="id" value="{id}"><input type="hidden" name="export" value="download">
<input type="hidden" name="confirm" value="t"><input type="hidden" name="uuid" value="{uuid}">
</form></div></div></body></html>"""
OLDER = """<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>
<a id="uc-download-link" class="goog-inline-block"
href="{action}?export=download&amp;confirm=t&amp;id={id}&amp;uuid={uuid}">Download anyway</a>
</body></html>"""
QUOTA = """<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head><body>
<p class="uc-error-caption">Sorry, you can't view or download this file at this time.</p>
<p class="uc-error-subcaption">Too many users have viewed or downloaded this file recently. Please
try accessing the file again later.</p></body></html>"""
LOGIN = "<html><head><title>Google Drive: Sign-in</title></head><body>Sign in</body></html>"
GONE = "<html><head><title>Error 404 (Not Found)!!1</title></head><body>404.</body></html>"
DENIED = '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'
PAGES = {"quota": QUOTA, "login": LOGIN, "strange": "<html><title>Hello</title></html>"}


@dataclass
class Hosts:
    """What the hosts have.

    Attributes:
        files: content by the last part of its address, on Drive by its identifier.
        drive: what Drive does instead of giving a file: ``virus``, ``older``, ``quota``,
            ``login``, ``strange``, ``again`` (a form that leads to a form).
        down: status by host, of those that refuse everything.
        breaks: after so many bytes a connection breaks, once for each file.
        requests: (method, address, Range) of each request.
        address: where the server listens.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    drive: str = ""
    down: dict[str, int] = field(default_factory=lambda: {BUCKET: 403})
    breaks: int | None = None
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    address: str = ""

    def url(self, address: str) -> str:
        """Return where an address lies here."""
        return f"{self.address}/{address.partition('://')[2]}"

    def local(self, task: Task) -> Task:
        """Return a task whose sources have these hosts."""

        def moved(source: Source) -> Source:
            return replace(source, urls=tuple(map(self.url, source.urls)))

        return replace(task, sources=tuple(map(moved, task.sources)))

    def asked(self, host: str) -> list[str | None]:
        """Return the ranges that a host was asked for, None where it was for the whole."""
        return [span for _, path, span in self.requests if path.startswith(f"/{host}/")]


class Handler(BaseHTTPRequestHandler):
    server: Listener
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        hosts = self.server.hosts
        hosts.requests.append((self.command, self.path, self.headers.get("Range")))
        parts = urlsplit(self.path)
        host, _, path = parts.path.lstrip("/").partition("/")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if status := hosts.down.get(host):
            self.answer(DENIED.encode(), status, "application/xml")
        elif host in (USERCONTENT, DRIVE):
            self.play_drive(host, query)
        elif host in (ZENODO, FIGSHARE) and "signed" not in query:
            # Both send on to a store, with an address that is good for a while.
            self.answer(b"", 302, Location=f"/{host}/store/{path.split('/')[-1]}?signed=1")
        else:
            self.give(hosts.files.get(path.split("/")[-1]))

    def do_HEAD(self) -> None:
        self.do_GET()

    def play_drive(self, host: str, query: dict[str, str]) -> None:
        hosts, identifier = self.server.hosts, query.get("id", "")
        content = hosts.files.get(identifier)
        if content is None:
            self.page(GONE, 404)
        elif hosts.drive in PAGES:
            self.page(PAGES[hosts.drive])
        elif hosts.drive and (query.get("uuid") != "token" or hosts.drive == "again"):
            # The older page's link is relative to its host.
            action = (
                "/drive.google.com/uc"
                if hosts.drive == "older"
                else hosts.url(f"https://{USERCONTENT}/download")
            )
            form = OLDER if hosts.drive == "older" else VIRUS
            self.page(form.format(action=action, id=identifier, uuid="token"))
        else:
            self.give(content)

    def page(self, text: str, status: int = 200) -> None:
        self.answer(text.encode(), status, "text/html; charset=utf-8")

    def give(self, content: bytes | None) -> None:
        if content is None:
            self.page(GONE, 404)
            return
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        headers = {"Accept-Ranges": "bytes"}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        stop = self.server.hosts.breaks
        self.server.hosts.breaks = None
        rest = content[start:]
        headers["Content-Length"] = str(len(rest))
        self.answer(rest[:stop], 206 if start else 200, "application/octet-stream", **headers)
        self.close_connection = stop is not None

    def answer(self, content: bytes, status: int, kind: str = "text/plain", **headers: str) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(content)),
            "Content-Type": kind,
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Listener(QuietServer):
    hosts: Hosts


@contextmanager
def playing(**facts: bytes) -> Iterator[Hosts]:
    with Listener(("127.0.0.1", 0), Handler) as listener:
        listener.hosts = Hosts(dict(facts), address=f"http://127.0.0.1:{listener.server_port}")
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield listener.hosts
        finally:
            listener.shutdown()
            thread.join()
