"""The report: one static folder that opens from disk, without a server and without a network.

``build`` writes it from results alone; the same results give the same bytes.
"""

from __future__ import annotations

from kit.report.html.site import Built, build

__all__ = ["Built", "build"]
