"""Checking whether addresses answer, without downloading anything."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from kit.data.refusals import number, reason

TIMEOUT = 10.0
AT_ONCE = 8


def probe(urls: Iterable[str], timeout: float = TIMEOUT) -> dict[str, str]:
    """Return the outcome of a HEAD request to each address, in words: a size, a status or an error.

    Args:
        urls: the addresses; each is asked once.
        timeout: seconds to wait for an answer.
    """
    wanted = list(dict.fromkeys(urls))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(wanted, pool.map(lambda url: _ask(url, timeout), wanted), strict=True))


def _ask(url: str, timeout: float) -> str:
    import requests

    try:
        with requests.head(url, allow_redirects=True, timeout=timeout) as answer:
            if not answer.ok:
                return f"HTTP {answer.status_code} {answer.reason or ''}".strip()
            if "html" in answer.headers.get("Content-Type", ""):
                return "answers with a web page (a form, a quota or a login)"
            length = number(answer.headers.get("Content-Length"))
            return "answers" if length is None else f"answers, {length / 1e6:.1f} MB"
    except requests.RequestException as error:
        return reason(error, 0)
