"""Downloading one file from one address, by pooch; resumed if the server supports it.

If the server answers with a web page, the bytes downloaded so far are kept. A form on the page that
leads to the file, as on Google Drive for large files, is followed.
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

# Bytes per chunk; at most one chunk is lost when a connection breaks.
CHUNK = 1 << 16
# Most forms that are followed, one after the other.
FORMS = 2

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server.

    Attributes:
        timeout: seconds without an answer or a byte after which a try fails.
        tries: number of tries in a row without a new byte after which the download fails.
        pause: seconds before the second of such tries; doubled for each further one.
        longest: most seconds to wait between tries; if the server asks for more, it fails.
    """

    timeout: float = 30.0
    tries: int = 3
    pause: float = 1.0
    longest: float = 60.0


def download(
    url: str, part: Part, *, size: int | None, progress: Progress, patience: Patience
) -> None:
    """Download a file into its part; an earlier download is resumed.

    Args:
        url: an http or https address.
        part: the partial file that is written.
        size: size of the file in bytes; None if unknown.
        progress: called with (done, total) bytes.
        patience: how long to wait for the server, and how often to try again.

    Raises:
        DownloadError: the address does not give the file; the bytes received are kept, so that the
            download can be resumed.
    """
    if not url.startswith(("http://", "https://")):
        raise DownloadError("not an http address")
    furthest, idle, via, forms = part.held(url), 0, url, 0
    while True:
        try:
            _attempt(url, via, part, size, progress, patience)
            return
        except _PageError as error:
            forms += 1
            if error.page.form is None or error.page.reason:
                if part.size == 0 and not error.page.reason:
                    # An unknown page is kept in place of the file; the user may understand it.
                    part.path.write_bytes(error.content)
                    return
                raise DownloadError(str(error.page)) from None
            if forms > FORMS:
                raise DownloadError("its form leads to a form again; see it in a browser") from None
            via = error.page.form
        except PassingError as failure:
            # The address of a form is valid only once.
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
    """The server answered with a web page instead of the file."""

    def __init__(self, content: bytes, page: pages.Page) -> None:
        super().__init__(str(page))
        self.content, self.page = content, page


def _attempt(
    url: str, via: str, part: Part, size: int | None, progress: Progress, patience: Patience
) -> None:
    """Send one request for the file of ``url`` to the address ``via``.

    Raises:
        _PageError: the answer is a web page.
        PassingError: it failed, but another try may succeed.
        DownloadError: it failed for good.
    """
    import requests

    start, note = part.held(url), part.note()
    if note and start and start == note.total:
        # An earlier process downloaded all of it, but ended before it was verified and moved.
        return
    part.path.parent.mkdir(parents=True, exist_ok=True)
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    if note and start and note.mark:
        headers["If-Range"] = note.mark
    # Bytes from another address are kept until this address answers with a file.
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
    """A hook that sees each response before its body: is it resumed, a new start or a wrong file?

    Attributes:
        total: size of the whole file in bytes, once the server has stated it.
    """

    def __init__(
        self, url: str, part: Part, stream: IO[bytes], size: int | None, start: int
    ) -> None:
        self.url, self.part, self.stream, self.size, self.start = url, part, stream, size, start
        self.total: int | None = None

    def __call__(self, response: Response, *_: Any, **__: Any) -> None:
        """Prepare the part for the body of a response; redirects and refusals are ignored.

        Raises:
            _PageError: the body is a web page.
            PassingError: the server resumed at another place, or with another file.
            DownloadError: the file has a wrong size.
        """
        if response.is_redirect or not response.ok:
            return
        first = b""
        if response.status_code == 206:
            self._resume(response)
        else:
            # The content type is not reliable: pages and files may have that of the other.
            first = next(response.iter_content(CHUNK), b"")
            if pages.is_page(first):
                self._take_page(first, response)
            # The server sends the whole file: it cannot resume, or its file has changed.
            self.stream.truncate(0)
            self.total = number(response.headers.get("Content-Length"))
            if self.total is None:
                # pooch expects a number if the header is there.
                response.headers.pop("Content-Length", None)
        if None not in (self.size, self.total) and self.size != self.total:
            response.close()
            raise DownloadError(f"{self.total} bytes instead of {self.size}")
        mark = response.headers.get("ETag", "")
        # Files with the same weak tag may differ in their bytes.
        mark = response.headers.get("Last-Modified", "") if mark.startswith("W/") else mark
        self.part.write_note(Note(url=self.url, mark=mark or None, total=self.total))
        self.stream.write(first)

    def _take_page(self, first: bytes, response: Response) -> None:
        """Read the rest of a page, of which ``first`` was read, and raise it as an error."""
        rest = islice(response.iter_content(CHUNK), pages.LONGEST // CHUNK)
        content = b"".join((first, *rest))
        response.close()
        raise _PageError(content, pages.read(content, response.url))

    def _resume(self, response: Response) -> None:
        """Check that a partial response continues the same file at the right place."""
        place, _, total = response.headers.get("Content-Range", "").partition("/")
        self.total = number(total)
        note = self.part.note()
        changed = note is not None and note.total not in (None, self.total)
        if not self.start or not place.startswith(f"bytes {self.start}-") or changed:
            response.close()
            self.part.drop()
            raise PassingError("the server went on with another file or at another place")


class _Bar:
    """A progress bar for pooch that reports the position of the stream."""

    def __init__(self, stream: IO[bytes], answer: _Answer, progress: Progress) -> None:
        self.stream, self.answer, self.progress = stream, answer, progress
        self.total = 0

    def update(self, _: int) -> None:
        """Report the bytes written so far; pooch's own count is ignored."""
        self.progress(self.stream.tell(), self.answer.total or self.stream.tell())

    def reset(self) -> None:
        """Do nothing: no count is kept here."""

    close = reset
