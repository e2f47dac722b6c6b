"""Architectures of DASH's space as data: ``[[layer, kernel size, dilation], ...]``. No torch."""

from __future__ import annotations

from html import escape
from typing import Annotated, Any

import msgspec

from kit.files import decode_given_json

# Upper bound of kernel sizes and dilations; larger numbers are typing errors.
LARGEST = 9999
Number = Annotated[int, msgspec.Meta(ge=1, le=LARGEST)]
# There is no sketch of more layers, or of larger kernel sizes or dilations.
MOST_LAYERS, LARGEST_SKETCHED = 200, 1000
# Height of a sketch's row, width of its labels and of all of it, in pixels.
ROW, LABEL, SIDE = 20, 160, 440
LEGEND = (
    "Each dot is a tap of the layer’s kernel, its dilation apart from the next; "
    "(kernel size, dilation) beside the name."
)


class KernelDilation:
    """The kind of architecture that DASH searches: see ``kit.architecture.ArchitectureKind``."""

    name, version = "kernel-dilation", 1

    def read(self, text: str) -> Any:
        """Return the value in a JSON text, such as ``kit.search.Architecture.save`` writes.

        Raises:
            ValueError: the text is not JSON.
        """
        return decode_given_json(text)

    def check(self, value: Any) -> None:
        """Check that a value, which may be any JSON, is an architecture.

        Raises:
            ValueError: it is not; the message names the layer that is wrong.
        """
        if not isinstance(value, list) or not value:
            raise ValueError("no list of [layer, kernel size, dilation]")
        seen = set()
        for number, layer in enumerate(value, 1):
            if not isinstance(layer, list) or len(layer) != 3:
                raise ValueError(f"entry {number} is no [layer, kernel size, dilation]")
            name, *numbers = layer
            if not isinstance(name, str) or not name:
                raise ValueError(f"entry {number}: the name of a layer is text, not {_short(name)}")
            if name in seen:
                raise ValueError(f"entry {number}: layer {_short(name)} is there twice")
            seen.add(name)
            for what, each in zip(("kernel size", "dilation"), numbers, strict=True):
                if type(each) is not int or not 1 <= each <= LARGEST:
                    raise ValueError(
                        f"entry {number}, layer {_short(name)}: the {what} is a whole number "
                        f"from 1 to {LARGEST}, not {_short(each)}"
                    )

    def likeness(self, one: Any, other: Any) -> float:
        """Return the share, from 0 to 1, of the layers of either with the same choice in both."""
        left, right = _choices(one), _choices(other)
        layers = {**left, **right}
        return sum(left.get(name) == right.get(name) for name in layers) / len(layers)

    def describe(self, value: Any, spec: Any, task: Any) -> str:
        """Return one line per layer: its name and (kernel size, dilation)."""
        del spec, task
        return "".join(f"{name} ({k},{d})\n" for name, k, d in value)

    def draw(self, axes: Any, value: Any, spec: Any, task: Any) -> None:
        """Draw the taps of each layer's kernel on axes of matplotlib."""
        del spec, task
        for row, (_, k, d) in enumerate(value):
            taps = [(tap - (k - 1) / 2) * d for tap in range(k)]
            axes.plot(taps, [row] * k, "o-", color="black", markersize=3, linewidth=0.7)
        axes.set_yticks(range(len(value)), [f"{name} ({k},{d})" for name, k, d in value])
        axes.invert_yaxis()
        axes.set_xlabel("positions")

    def sketch(self, value: Any) -> tuple[str, str] | None:
        """Return an SVG element with the taps of each layer's kernel, one row each, and its legend.

        None if there are too many layers or taps. The width of a row is the kernel's extent along
        one axis.
        """
        if len(value) > MOST_LAYERS or any(max(k, d) > LARGEST_SKETCHED for _, k, d in value):
            return None
        reach = max((k - 1) * d + 1 for _, k, d in value)
        unit, middle = (SIDE - LABEL - 8) / reach, LABEL + (SIDE - LABEL) / 2
        rows = []
        for number, (name, k, d) in enumerate(value):
            y = ROW * number + ROW // 2
            taps = [middle + (tap - (k - 1) / 2) * d * unit for tap in range(k)]
            rows.append(f'<text x="0" y="{y + 4}">{escape(name)}</text>')
            rows.append(
                f'<text class="muted" x="{LABEL - 8}" y="{y + 4}" text-anchor="end">{k}, {d}</text>'
            )
            rows.append(f'<path class="reach" d="M{taps[0]:.1f} {y}H{taps[-1]:.1f}"/>')
            rows += [f'<circle cx="{x:.1f}" cy="{y}" r="3"/>' for x in taps]
        description = escape(
            "; ".join(f"{name}: kernel size {k}, dilation {d}" for name, k, d in value)
        )
        size = f"0 0 {SIDE} {ROW * len(value)}"
        opening = f'<svg class="taps" viewBox="{size}" role="img" aria-label="{description}">'
        return f"{opening}{''.join(rows)}</svg>", LEGEND

    def setting(self, value: Any, task: Any) -> Any:
        """Return layer -> [kernel size, dilation], as the setting ``architecture`` takes it."""
        del task
        return {name: [k, d] for name, k, d in value}


def _choices(value: Any) -> dict[str, tuple[int, int]]:
    """Return layer -> (kernel size, dilation)."""
    return {name: (k, d) for name, k, d in value}


def _short(value: Any) -> str:
    """Return a value as JSON, cut to 40 characters."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 40 else f"{text[:37]}..."
