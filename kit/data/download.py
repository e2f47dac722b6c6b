"""One file from one address: streamed by pooch, resumed where the server can, never half there.

Bytes are kept in a hidden ``.part`` file; a note beside it says where they came from, so that
bytes of two different files are never joined.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec
import pooch

from kit.files import write_json

if TYPE_CHECKING:
    from requests import Response

# What is lost when a connection breaks is at most this much.
CHUNK = 1 << 16
# What a second try may well mend: time-outs, too many requests, and the server's own trouble.
TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
WRONG_RANGE = 416

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


class DownloadError(Exception):
    """An address did not give the file; the text says why."""


class _PassingError(DownloadError):
    """A failure that another try may mend, after so many seconds if the server said so."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class _Note(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bytes of a part come from."""

    url: str
    mark: str | None
    total: int | None


@dataclass(frozen=True)
class Part:
    """The hidden file that grows until a download is whole."""

    path: Path

    @classmethod
    def of(cls, file: Path) -> Part:
        """Return the part that belongs to a file."""
        return cls(file.with_name(f".{file.name}.part"))

    @property
    def _note(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")

    @property
    def files(self) -> tuple[Path, Path]:
        """Return the bytes and the note, there or not."""
        return self.path, self._note

    @property
    def size(self) -> int:
        """Return how many bytes are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def held(self, url: str) -> int:
        """Return how many bytes of an address are there."""
        note = self.note()
        return self.size if note is not None and note.url == url else 0

    def note(self) -> _Note | None:
        """Return where the bytes come from, or None if that is not known."""
        try:
            return msgspec.json.decode(self._note.read_bytes(), type=_Note)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def write_note(self, note: _Note) -> None:
        """Say where the bytes come from."""
        write_json(self._note, note)

    def drop(self) -> None:
        """Remove what was downloaded."""
        for path in self.files:
            path.unlink(missing_ok=True)

    def finish(self, target: Path) -> None:
        """Move the whole file to where it belongs."""
        self.path.replace(target)
        self._note.unlink(missing_ok=True)


def download(
    url: str, part: Part, *, size: int | None, progress: Progress, patience: Patience
) -> None:
    """Bring a file's bytes into its part, going on where an earlier download stopped.

    Args:
        url: an http or https address.
        part: what is there of the file, and where it grows.
        size: bytes that the file must have, where known.
        progress: called with (done, total).
        patience: time-outs and tries.

    Raises:
        DownloadError: the address does not give the file; what came is kept, to go on from there.
    """
    if not url.startswith(("http://", "https://")):
        raise DownloadError("not an http address")
    furthest, idle = part.held(url), 0
    while True:
        try:
            _attempt(url, part, size, progress, patience)
            return
        except _PassingError as failure:
            idle = 0 if part.held(url) > furthest else idle + 1
            furthest = max(furthest, part.held(url))
            pause = patience.pause * 2 ** max(idle - 1, 0)
            wait = pause if failure.wait is None else failure.wait
            if wait > patience.longest:
                raise DownloadError(f"{failure}, to be tried again in {wait:.0f} s") from None
            if idle >= patience.tries:
                raise DownloadError(f"{failure} ({patience.tries} tries)") from None
            time.sleep(wait)


def _attempt(
    url: str, part: Part, size: int | None, progress: Progress, patience: Patience
) -> None:
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
            get(url, stream, None)
        except requests.HTTPError as error:
            raise _refusal(error.response, part) from None
        except requests.exceptions.SSLError:
            raise DownloadError("its certificate cannot be verified") from None
        except (requests.ConnectionError, requests.Timeout) as error:
            raise _PassingError(_reason(error, stream.tell())) from None
        except requests.exceptions.ChunkedEncodingError:
            raise _PassingError(f"the connection broke after {stream.tell()} bytes") from None
        except requests.RequestException as error:
            raise DownloadError(_reason(error, stream.tell())) from None
    wanted = size if size is not None else answer.total
    if wanted is not None and part.size < wanted:
        raise _PassingError(f"{part.size} bytes instead of {wanted}")


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
        if response.status_code == 206:
            self._go_on(response)
        else:
            # The whole file: this server does not resume, or its file is no longer the same.
            self.stream.truncate(0)
            length = response.headers.get("Content-Length", "")
            self.total = int(length) if length.isdigit() else None
        page = "html" in response.headers.get("Content-Type", "")
        if None not in (self.size, self.total) and self.size != self.total and not page:
            response.close()
            raise DownloadError(f"{self.total} bytes instead of {self.size}")
        mark = response.headers.get("ETag", "")
        # A weak tag stands for the same meaning, not for the same bytes.
        mark = response.headers.get("Last-Modified", "") if mark.startswith("W/") else mark
        self.part.write_note(_Note(url=self.url, mark=mark or None, total=self.total))

    def _go_on(self, response: Response) -> None:
        place, _, total = response.headers.get("Content-Range", "").partition("/")
        self.total = int(total) if total.isdigit() else None
        note = self.part.note()
        other = note is not None and note.total not in (None, self.total)
        if not self.start or not place.startswith(f"bytes {self.start}-") or other:
            response.close()
            self.part.drop()
            raise _PassingError("the server went on with another file or at another place")


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


def _refusal(response: Response | None, part: Part) -> DownloadError:
    assert response is not None, "raise_for_status gives it"
    reason = f"HTTP {response.status_code} {response.reason or ''}".strip()
    if response.status_code == WRONG_RANGE:
        part.drop()
        return _PassingError(reason)
    if response.status_code not in TRANSIENT:
        return DownloadError(reason)
    after = response.headers.get("Retry-After", "").strip()
    wait: float | None = float(after) if after.isdigit() else None
    if after and wait is None:
        with suppress(ValueError, TypeError, OverflowError):
            wait = max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
    return _PassingError(reason, wait)


def _reason(error: Exception, done: int) -> str:
    import requests

    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not answer"
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return "no answer in time" if done == 0 else f"stalled after {done} bytes"
    if isinstance(error, requests.ConnectionError):
        return "cannot connect" if done == 0 else f"the connection broke after {done} bytes"
    if isinstance(error, requests.TooManyRedirects):
        return "it redirects without end"
    return " ".join(str(error).split())[:120]
