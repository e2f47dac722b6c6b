"""Seconds of one search epoch with each way to compute the mixture (DASH, Table 8)."""

from __future__ import annotations

from kit.report.tables import Filled, Request, sizes


def fill(request: Request) -> Filled:
    """Count the models; the seconds are the paper's alone."""
    return sizes.fill(request)
