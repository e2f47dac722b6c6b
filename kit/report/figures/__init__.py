"""Figures: data in, matplotlib figures out. Colours are those of Okabe and Ito, for any eye."""

from __future__ import annotations

from typing import Any

from kit.errors import KitError

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
MARKERS = "osD^vPX"


def pyplot() -> Any:
    """Return matplotlib's figure class, with text that stays text in a vector file.

    Raises:
        KitError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise KitError("figures need matplotlib: pip install 'kit[plots]'") from None
    # A fixed salt and text as text make the same figure the same bytes.
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "kit"}
    return Figure
