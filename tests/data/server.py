"""A web server on 127.0.0.1 with every bad habit that a mirror may have."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.data.quiet_server import QuietServer

PAGE = b"\n <!DOCTYPE html><html><body>Quota exceeded</body></html>"


@dataclass
class Server:
    """What is asked for is the habit: ``/truncate/any`` is cut, ``/status/403`` refused, ...

    Attributes:
        content: of the one file that there is.
        requests: (path, Range header) of each request.
        address: where it listens.
    """

    content: bytes
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    etag: str = '"first"'
    address: str = ""

    def url(self, path: str) -> str:
        return f"{self.address}/{path}"

    def count(self, path: str) -> int:
        return sum(asked == f"/{path}" for asked, _ in self.requests)


class Handler(BaseHTTPRequestHandler):
    server: Listener
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        state = self.server.state
        state.requests.append((self.path, self.headers.get("Range")))
        habit, *rest = self.path.strip("/").split("/")
        habits: dict[str, Callable[..., None]] = {
            "good": self.whole,
            "range": self.ranged,
            "truncate": self.truncate,
            "flaky": self.flaky,
            "corrupt": self.corrupt,
            "page": self.page,
            "redirect": self.redirect,
            "loop": self.loop,
            "status": self.status,
            "busy": self.busy,
            "silent": self.silent,
            "liar": self.liar,
            "length": self.length,
        }
        habits[habit](*rest)

    def answer(self, content: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def whole(self) -> None:
        self.answer(self.server.state.content)

    def _from(self) -> int:
        """Where to go on: nowhere if the file is no longer the one that was begun."""
        state, asked = self.server.state, self.headers.get("Range")
        same = self.headers.get("If-Range") in (None, state.etag)
        return int(asked.removeprefix("bytes=").rstrip("-")) if asked and same else 0

    def _ranged(self, start: int, stop: int) -> None:
        """Promise the rest, and close after ``stop``."""
        content, etag = self.server.state.content, self.server.state.etag
        whole = len(content)
        if start >= whole:
            self.answer(b"", 416)
            return
        headers = {"Content_Length": str(whole - start), "ETag": etag}
        if start:
            headers["Content_Range"] = f"bytes {start}-{whole - 1}/{whole}"
        self.send_response(206 if start else 200)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content[start:stop])
        self.close_connection = stop < whole

    def ranged(self) -> None:
        self._ranged(self._from(), len(self.server.state.content))

    def flaky(self) -> None:
        """Give a third at a time, and go on where it broke."""
        start = self._from()
        self._ranged(start, start + len(self.server.state.content) // 3 + 1)

    def truncate(self) -> None:
        """Break in the middle; know no ranges."""
        content = self.server.state.content
        self.answer(content[: len(content) // 2], Content_Length=str(len(content)))
        self.close_connection = True

    def corrupt(self) -> None:
        self.answer(b"\0" + self.server.state.content[1:])

    def page(self) -> None:
        self.answer(PAGE, Content_Type="text/html")

    def redirect(self, *path: str) -> None:
        self.answer(b"", 302, Location=self.server.state.url("/".join(path)))

    def loop(self) -> None:
        self.answer(b"", 302, Location="/loop")

    def status(self, code: str) -> None:
        self.answer(b"<html>no</html>", int(code), Content_Type="text/html")

    def busy(self, seconds: str) -> None:
        """Be busy the first time, or for hours."""
        if self.server.state.count(self.path.strip("/")) == 1 or int(seconds) > 1000:
            self.answer(b"", 429, Retry_After=seconds)
        else:
            self.whole()

    def silent(self) -> None:
        self.server.closing.wait(5)
        self.close_connection = True

    def liar(self) -> None:
        """Answer a range with another one."""
        content = self.server.state.content
        self.answer(content[1:], 206, Content_Range=f"bytes 1-{len(content) - 1}/{len(content)}")

    def length(self, stated: str) -> None:
        """State a length that is no number."""
        self.answer(self.server.state.content, Content_Length=stated)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


class Listener(QuietServer):
    state: Server
    closing: threading.Event


@contextmanager
def serving(content: bytes) -> Iterator[Server]:
    with Listener(("127.0.0.1", 0), Handler) as listener:
        listener.state = Server(content, address=f"http://127.0.0.1:{listener.server_port}")
        listener.closing = threading.Event()
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield listener.state
        finally:
            listener.closing.set()
            listener.shutdown()
            thread.join()
