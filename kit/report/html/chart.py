"""Line charts as inline SVG: coloured by the page's style sheet, so that they follow its theme."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from markupsafe import Markup

WIDTH, HEIGHT = 360, 170
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 8, 32
MOST_POINTS = 240
LONGEST = 7  # characters that a label has room for


def line(title: str, x: Sequence[float], y: Sequence[float], x_label: str) -> Markup:
    """Return a chart of values against x, which are whole; those that are not finite leave a gap.

    Title, extremes and last value are told to screen readers.
    """
    finite = [(left, up) for left, up in zip(x, y, strict=True) if math.isfinite(up)]
    if not finite:
        return Markup('<p class="muted">{}: no finite value</p>').format(title)
    across = _Axis(x, 5, least=1)
    up = _Axis([value for _, value in finite], 4)
    points = _thinned(list(zip(x, y, strict=True)))
    parts = [*_grid(across, up, x_label)]
    parts.append(Markup('<path class="line" d="{}"/>').format(_path(points, across, up)))
    left, top = _place(*finite[-1], across, up)
    parts.append(Markup('<circle class="dot" cx="{}" cy="{}" r="3"/>').format(left, top))
    values = [value for _, value in finite]
    last = "no number" if math.isnan(y[-1]) else f"{y[-1]:.4g}"
    told = f"{title}: from {min(values):.4g} to {max(values):.4g}, last {last}"
    return Markup(
        '<figure class="chart"><figcaption>{} <span class="muted">last {}</span></figcaption>'
        '<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg></figure>'
    ).format(title, last, WIDTH, HEIGHT, told, Markup("").join(parts))


class _Axis:
    """A linear axis from round number to round number, ``least`` at least from tick to tick."""

    def __init__(self, values: Sequence[float], ticks: int, least: float = 0.0) -> None:
        low, high = min(values), max(values)
        if low == high:
            low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
        raw = max((high - low) / ticks, least)
        power = 10.0 ** math.floor(math.log10(raw))
        self.step = next(n * power for n in (1, 2, 5, 10) if n * power >= raw * (1 - 1e-9))
        self.low = math.floor(low / self.step + 1e-9) * self.step
        self.high = math.ceil(high / self.step - 1e-9) * self.step

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Yield (share of the axis, label)."""
        digits = max(0, -math.floor(math.log10(self.step) + 1e-9))
        count = round((self.high - self.low) / self.step) + 1
        values = [self.low + number * self.step for number in range(count)]
        plain = 1e-4 < self.step < 1e5
        labels = [f"{value:.{digits}f}" if plain else f"{value:.3g}" for value in values]
        if len(set(labels)) < len(labels) or max(map(len, labels)) > LONGEST:
            # Too close to each other for so many digits: the lowest, and how far the others are up.
            first, *others = values
            labels = [f"{first:.4g}", *(f"+{value - first:.2g}" for value in others)]
        yield from zip(map(self.share, values), labels, strict=True)

    def share(self, value: float) -> float:
        """Return where a value lies, 0 at the low end and 1 at the high one."""
        return (value - self.low) / (self.high - self.low)


def _place(x: float, y: float, across: _Axis, up: _Axis) -> tuple[float, float]:
    return (
        round(LEFT + across.share(x) * (WIDTH - LEFT - RIGHT), 1),
        round(HEIGHT - BOTTOM - up.share(y) * (HEIGHT - TOP - BOTTOM), 1),
    )


def _grid(across: _Axis, up: _Axis, x_label: str) -> Iterator[Markup]:
    for share, label in up.ticks():
        y = round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)
        yield Markup('<path class="grid" d="M{} {}H{}"/>').format(LEFT, y, WIDTH - RIGHT)
        yield Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(
            LEFT - 6, y + 4, label
        )
    for share, label in across.ticks():
        x = round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)
        yield Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
            x, HEIGHT - BOTTOM + 15, label
        )
    yield Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(
        WIDTH - RIGHT, HEIGHT - 4, x_label
    )


def _path(points: Sequence[tuple[float, float]], across: _Axis, up: _Axis) -> str:
    words, pen = [], "M"
    for x, y in points:
        if not math.isfinite(y):
            pen = "M"
            continue
        left, top = _place(x, y, across, up)
        words.append(f"{pen}{left:g} {top:g}")
        pen = "L"
    return "".join(words)


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return at most ``MOST_POINTS``, the lowest and highest of each stretch, and gaps besides."""
    if len(points) <= MOST_POINTS:
        return points
    stretch = math.ceil(2 * len(points) / MOST_POINTS)
    kept = []
    for start in range(0, len(points), stretch):
        part = points[start : start + stretch]
        finite = [point for point in part if math.isfinite(point[1])]
        gap = [point for point in part if not math.isfinite(point[1])][:1]
        ends = [pick(finite, key=lambda p: p[1]) for pick in (min, max) if finite]
        kept += sorted({*ends, *gap})
    return kept
