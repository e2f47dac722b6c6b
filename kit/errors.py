"""Errors that a user can cause: one line that says what is wrong and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

# Characters that a list within an error takes at most; more names are counted.
ROOM = 200


class KitError(Exception):
    """Something that the user can mend; the command line prints it as one line."""

    exit_code = 2


class BusyError(KitError):
    """Another process has what is needed: a run, a GPU, data in preparation. Try again later."""

    exit_code = 75  # EX_TEMPFAIL


class UnavailableError(KitError):
    """A service of the machine that is needed does not answer: the Docker engine."""

    exit_code = 69  # EX_UNAVAILABLE


class DataError(KitError):
    """Data are missing, damaged or of another version (failure class ``data``)."""


class DivergedError(ArithmeticError):
    """A loss, a weight or the best of all scores is not a finite number (failure class ``method``).

    Of a trial, it means that the trial loses.
    """


class RunError(Exception):
    """A run ended in a failure, which its ``status.json`` has recorded."""

    exit_code = 1


def printable(text: str) -> str:
    """Return text with what is not printable escaped, so that nothing in it steers a terminal."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def plain(text: str) -> str:
    """Return text on one line: white space folded, the rest as by ``printable``."""
    return printable(" ".join(text.split()))


def last_line(text: str) -> str:
    """Return the last line of what a program or a library has said, ``no message`` for none."""
    return (text.strip().splitlines() or ["no message"])[-1]


def listed(words: Sequence[str], separator: str = ", ") -> str:
    """Return words on one line: where they are many, the first of them and how many more."""
    shown, used = 0, 0
    while shown < len(words) and (not shown or used + len(words[shown]) <= ROOM):
        used += len(words[shown]) + len(separator)
        shown += 1
    more = f" and {len(words) - shown} more" if words[shown:] else ""
    return separator.join(words[:shown]) + more


def near(name: str, choices: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?``, or nothing without a near name."""
    found = difflib.get_close_matches(name, sorted(choices), n=2, cutoff=0.55)
    return "; did you mean " + " or ".join(map(repr, found)) + "?" if found else ""


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` or, without a near name, what choices there are."""
    known = sorted(choices)
    return near(name, known) or (f"; there is {listed(known)}" if known else "; there is none")


def unknown(what: str, name: str, choices: Iterable[str]) -> KitError:
    """Return the error for a name that is not among the choices, with near ones."""
    return KitError(f"unknown {what} {name!r}{nearest(name, choices)}")
