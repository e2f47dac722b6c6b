"""Why an address did not give a file, in a few words, and whether another try may mend it."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from kit.data import pages
from kit.data.part import Part

if TYPE_CHECKING:
    from requests import Response

# What a second try may well mend: time-outs, too many requests, and the server's own trouble.
TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
WRONG_RANGE = 416


class DownloadError(Exception):
    """An address did not give the file; the text says why."""


class PassingError(DownloadError):
    """A failure that another try may mend, after so many seconds if the server said so."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def refusal(response: Response | None, part: Part) -> DownloadError:
    """Return what an answer with an error's status means.

    Args:
        response: the answer, as ``requests`` raises it.
        part: what is there of the file; dropped if it goes on beyond the file's end.
    """
    assert response is not None, "raise_for_status gives it"
    reason = f"HTTP {response.status_code} {response.reason or ''}".strip()
    if "html" in response.headers.get("Content-Type", ""):
        meaning = pages.read(response.content, response.url).reason
        reason += f", {meaning}" if meaning else ""
    if response.status_code == WRONG_RANGE:
        part.drop()
        return PassingError(reason)
    if response.status_code not in TRANSIENT:
        return DownloadError(reason)
    after = response.headers.get("Retry-After", "").strip()
    wait: float | None = number(after)
    if after and wait is None:
        with suppress(ValueError, TypeError, OverflowError):
            wait = max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
    return PassingError(reason, wait)


def number(text: str | None) -> int | None:
    """Return the number that a header states, or None where it states none."""
    return int(text) if text and re.fullmatch("[0-9]{1,18}", text) else None


def reason(error: Exception, done: int) -> str:
    """Return what an error on the way means, after so many bytes."""
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
