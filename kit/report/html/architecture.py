"""A searched architecture as inline SVG: the taps of each layer's kernel, in place."""

from __future__ import annotations

from markupsafe import Markup

from kit.runs.records import Architecture

ROW, LABEL, SIDE = 20, 160, 440


def draw(architecture: Architecture) -> Markup | None:
    """Draw a list of (layer, kernel size, dilation), or return None for what is none.

    A dot is a tap; dots of a layer lie its dilation apart, so that a row is as wide as the reach
    of the kernel along one axis.
    """
    layers = _layers(architecture)
    if not layers:
        return None
    reach = max((kernel - 1) * dilation + 1 for _, kernel, dilation in layers)
    unit = (SIDE - LABEL - 8) / reach
    middle = LABEL + (SIDE - LABEL) / 2
    rows = []
    for number, (name, kernel, dilation) in enumerate(layers):
        y = ROW * number + ROW // 2
        taps = [middle + (tap - (kernel - 1) / 2) * dilation * unit for tap in range(kernel)]
        dots = (Markup('<circle cx="{:.1f}" cy="{}" r="3"/>').format(x, y) for x in taps)
        rows.append(Markup('<text x="0" y="{}">{}</text>').format(y + 4, name))
        rows.append(
            Markup('<text class="muted" x="{}" y="{}" text-anchor="end">{}, {}</text>').format(
                LABEL - 8, y + 4, kernel, dilation
            )
        )
        rows.append(
            Markup('<path class="reach" d="M{:.1f} {}H{:.1f}"/>').format(taps[0], y, taps[-1])
        )
        rows += dots
    told = "; ".join(f"{name}: kernel size {k}, dilation {d}" for name, k, d in layers)
    opening = Markup('<svg class="taps" viewBox="0 0 {} {}" role="img" aria-label="{}">')
    return opening.format(SIDE, ROW * len(layers), told) + Markup("").join(rows) + Markup("</svg>")


def _layers(architecture: Architecture) -> list[tuple[str, int, int]]:
    """Read the layers; what has another form is shown as it is, not drawn."""
    if architecture.kind != "kernel-dilation":
        return []
    try:
        layers = [(str(name), int(k), int(d)) for name, k, d in architecture.value]
    except (TypeError, ValueError):
        return []
    sane = all(1 <= k <= 1000 and 1 <= d <= 1000 for _, k, d in layers)
    return layers if sane and len(layers) <= 200 else []
