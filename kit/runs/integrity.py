"""The digest that a result carries, by which changes of it or of its history are noticed.

It is no signature: it finds accidents and edits by hand, not forgeries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from kit.files import canonical_json, decode_json, sha256
from kit.runs.records import Result


def sealed(result: Result, history: Path) -> Result:
    """Return a result with the hash of its history and the digest over all of it.

    Args:
        result: of a run that has ended.
        history: the run's ``history.jsonl``; a method without epochs has none.
    """
    told = sha256(history) if history.exists() else None
    result = msgspec.structs.replace(result, history=told, digest=None)
    return msgspec.structs.replace(result, digest=_digest(msgspec.to_builtins(result)))


def check(content: bytes) -> None:
    """Check the content of a ``result.json`` against the digest in it, if it has one.

    Raises:
        ValueError: something was changed, or a text has characters that are not printable.
    """
    document = decode_json(content, dict[str, Any])
    digest = document.get("digest")
    if digest is not None and digest != _digest(document):
        raise ValueError("it was changed since the run wrote it: its digest is of other content")
    # Results may come from other people, and their texts are printed on terminals. Texts that are
    # not printable have an escape, DEL or something beyond ASCII in their JSON; few results have.
    if not content.isascii() or any(sign in content for sign in (b"\\", b"\x7f")):
        for text in _texts(document):
            if not text.isprintable():
                raise ValueError(f"{text!a:.80} has signs that cannot be printed")


def history_problem(result: Result, history: Path) -> str | None:
    """Say what is wrong with the history of a result that has its hash; None if nothing is."""
    if result.digest is None or (result.history is None and not history.exists()):
        return None
    if not history.exists():
        return f"{history.name} is missing"
    if sha256(history) != result.history:
        return f"{history.name} was changed since the run ended: it has another SHA-256"
    return None


def _texts(value: Any) -> Iterator[str]:
    """Yield every text and every name in a value of JSON's types."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _digest(document: dict[str, Any]) -> str:
    """Return the SHA-256 of all fields but the digest itself."""
    rest = {name: value for name, value in document.items() if name != "digest"}
    return hashlib.sha256(canonical_json(rest)).hexdigest()
