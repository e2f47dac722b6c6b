"""One file from one address: streamed by pooch, resumed where the server can, never half there.

A web page in place of the file never touches what is there of it; a form that leads to the file,
as Drive shows for large ones, is followed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

import pooch

from kit.data import pages
from kit.data.part import Note, Part
from kit.data.refusals import DownloadError, PassingError, number, reason, refusal

if TYPE_CHECKING:
    from requests import Response

# What is lost when a connection breaks is at most this much.
CHUNK = 1 << 16
# A form that leads to a form that leads to a form leads nowhere.
FORMS = 2

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server.

    Attributes:
        timeout: seconds without an answer or a byte.
        tries: how many in a row may bring nothing new.
        pause: seconds before the second try; doubled for each further one.
        longest: most seconds to wait when a server says how long.
    """

    timeout: float = 30.0
    tries: int = 3
    pause: float = 1.0
    longest: float = 60.0


def download(
    url: str, part: Part, *, size: int | None, progress: Progress, patience: Patience
) -> None:
    """Bring a file's bytes into its part, going on where an earlier download stopped.

    Args:
        url: an http or https address.
        part: what is there of the file, and where it grows.
        size: bytes that the file must have, where known.
        progress: called with (done, total).
        patience: seconds without an answer, and how often to try again.

    Raises:
        DownloadError: the address does not give the file; what came is kept, to go on from there.
    """
    if not url.startswith(("http://", "https://")):
        raise DownloadError("not an http address")
    furthest, idle, via, forms = part.held(url), 0, url, 0
    while True:
        try:
            _attempt(url, via, part, size, progress, patience)
            return
        except _PageError as found:
            forms += 1
            if found.page.form is None or found.page.reason:
                if part.size == 0 and not found.page.reason:
                    # Nobody here understands it; the user may, when it is kept aside.
                    part.path.write_bytes(found.content)
                    return
                raise DownloadError(str(found.page)) from None
            if forms > FORMS:
                raise DownloadError("its form leads to a form again; see it in a browser") from None
            via = found.page.form
        except PassingError as failure:
            # The address of a form is good for once.
            via, forms = url, 0
            idle = 0 if part.held(url) > furthest else idle + 1
            furthest = max(furthest, part.held(url))
            pause = patience.pause * 2 ** max(idle - 1, 0)
            wait = pause if failure.wait is None else failure.wait
            if wait > patience.longest:
                raise DownloadError(f"{failure}, to be tried again in {wait:.0f} s") from None
            if idle >= patience.tries:
                raise DownloadError(f"{failure} ({patience.tries} tries)") from None
            time.sleep(wait)


class _PageError(Exception):
    """A web page came in place of the file."""

    def __init__(self, content: bytes, page: pages.Page) -> None:
        super().__init__(str(page))
        self.content, self.page = content, page


def _attempt(
    url: str, via: str, part: Part, size: int | None, progress: Progress, patience: Patience
) -> None:
    """Ask once; ``via`` is where to ask for the file of ``url``."""
    import requests

    start, note = part.held(url), part.note()
    if note and start and start == note.total:
        # All of it came earlier; an end in between kept it from being verified and moved.
        return
    part.path.parent.mkdir(parents=True, exist_ok=True)
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    if note and start and note.mark:
        headers["If-Range"] = note.mark
    # What another address gave stays there until this one has something better.
    with part.path.open("ab") as stream:
        answer = _Answer(url, part, stream, size, start)
        get = pooch.HTTPDownloader(
            progressbar=_Bar(stream, answer, progress),
            chunk_size=CHUNK,
            timeout=patience.timeout,
            headers=headers,
            hooks={"response": answer},
        )
        try:
            get(via, stream, None)
        except requests.HTTPError as error:
            raise refusal(error.response, part) from None
        except requests.exceptions.SSLError:
            raise DownloadError("its certificate cannot be verified") from None
        except (requests.ConnectionError, requests.Timeout) as error:
            raise PassingError(reason(error, stream.tell())) from None
        except requests.exceptions.ChunkedEncodingError:
            raise PassingError(f"the connection broke after {stream.tell()} bytes") from None
        except requests.RequestException as error:
            raise DownloadError(reason(error, stream.tell())) from None
    wanted = size if size is not None else answer.total
    if wanted is not None and part.size < wanted:
        raise PassingError(f"{part.size} bytes instead of {wanted}")


class _Answer:
    """Looks at a response before its body: does it go on, begin anew, or is it another file?"""

    def __init__(
        self, url: str, part: Part, stream: IO[bytes], size: int | None, start: int
    ) -> None:
        self.url, self.part, self.stream, self.size, self.start = url, part, stream, size, start
        self.total: int | None = None

    def __call__(self, response: Response, *_: Any, **__: Any) -> None:
        """Take a response in, redirects and refusals aside.

        Raises:
            DownloadError: the file cannot be the right one.
        """
        if response.is_redirect or not response.ok:
            return
        first = b""
        if response.status_code == 206:
            self._go_on(response)
        else:
            # A page may come under any type, and a file under a page's.
            first = next(response.iter_content(CHUNK), b"")
            if pages.is_page(first):
                self._take_page(first, response)
            # The whole file: this server does not resume, or its file is no longer the same.
            self.stream.truncate(0)
            self.total = number(response.headers.get("Content-Length"))
            if self.total is None:
                # pooch takes what is there for a number.
                response.headers.pop("Content-Length", None)
        if None not in (self.size, self.total) and self.size != self.total:
            response.close()
            raise DownloadError(f"{self.total} bytes instead of {self.size}")
        mark = response.headers.get("ETag", "")
        # A weak tag stands for the same meaning, not for the same bytes.
        mark = response.headers.get("Last-Modified", "") if mark.startswith("W/") else mark
        self.part.write_note(Note(url=self.url, mark=mark or None, total=self.total))
        self.stream.write(first)

    def _take_page(self, first: bytes, response: Response) -> None:
        rest = islice(response.iter_content(CHUNK), pages.LONGEST // CHUNK)
        content = b"".join((first, *rest))
        response.close()
        raise _PageError(content, pages.read(content, response.url))

    def _go_on(self, response: Response) -> None:
        place, _, total = response.headers.get("Content-Range", "").partition("/")
        self.total = number(total)
        note = self.part.note()
        other = note is not None and note.total not in (None, self.total)
        if not self.start or not place.startswith(f"bytes {self.start}-") or other:
            response.close()
            self.part.drop()
            raise PassingError("the server went on with another file or at another place")


class _Bar:
    """What pooch takes for a progress bar; the stream itself knows how far it is."""

    def __init__(self, stream: IO[bytes], answer: _Answer, progress: Progress) -> None:
        self.stream, self.answer, self.progress = stream, answer, progress
        self.total = 0

    def update(self, _: int) -> None:
        """Show how much is there."""
        self.progress(self.stream.tell(), self.answer.total or self.stream.tell())

    def reset(self) -> None:
        """Nothing is counted here."""

    close = reset
