"""Errors of downloads: the reason in a few words, and whether another try may succeed."""

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

# Status codes after which another try may succeed.
TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
WRONG_RANGE = 416


class DownloadError(Exception):
    """An address did not give the file; the message is the reason."""


class PassingError(DownloadError):
    """An address did not give the file, but another try may succeed.

    Attributes:
        wait: seconds to wait before it, as the server stated; None if it did not.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def refusal(response: Response | None, part: Part) -> DownloadError:
    """Return the error for a response with the status of an error.

    Args:
        response: the response, as in the exception of ``requests``; not None.
        part: the partial file, which is removed if it is longer than the server's file.
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
    """Return the value of a header as a number; None if it is missing or not a number."""
    return int(text) if text and re.fullmatch("[0-9]{1,18}", text) else None


def reason(error: Exception, done: int) -> str:
    """Return the reason for an error of ``requests`` in words; ``done`` bytes were received."""
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
