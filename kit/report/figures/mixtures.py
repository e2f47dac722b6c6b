"""The search, epoch by epoch: the weights of each mixture, and how undecided it still is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from kit import method
from kit.columns import plural
from kit.errors import KitError
from kit.files import decode_json
from kit.method import MixtureRows
from kit.report.figures import COLOURS, LINES, NARROW, WIDE, curves, entitle, new
from kit.runs import history
from kit.runs.find import read_spec


class LayerMixture(msgspec.Struct, frozen=True):
    """A searched layer.

    Attributes:
        chosen: index of the candidate with the largest weight at the end.
        weights: one list per epoch, one weight per candidate, adding up to 1.
        entropy: of the weights, in nats, one per epoch.
        candidates: what the weights are of.
        aside: it weighs no operations, such as the edges of a node, and has no part in means.
    """

    name: str
    chosen: int
    weights: list[list[float]]
    entropy: list[float]
    candidates: list[str]
    aside: bool = False


class SearchMixtures(msgspec.Struct, frozen=True):
    """The search of one run; ``candidates`` are those of its first layer."""

    run: str
    candidates: list[str]
    epochs: list[int]
    layers: list[LayerMixture]

    @property
    def entropy(self) -> list[float]:
        """The mean over layers, one per epoch."""
        return list(np.mean([layer.entropy for layer in self.layers if not layer.aside], axis=0))


class Mixtures(msgspec.Struct, frozen=True):
    """A figure with its data."""

    title: str
    searches: list[SearchMixtures]


def make(folders: Sequence[Path]) -> Mixtures:
    """Return the searches of some runs.

    Raises:
        KitError: a run has no search in its history, or its spec cannot be read.
    """
    names = curves.labels(folders)
    found = [_search(folder, name) for folder, name in zip(folders, names, strict=True)]
    return Mixtures(curves.title(folders), found)


def _search(folder: Path, name: str) -> SearchMixtures:
    spec = read_spec(folder)
    rows = method.find(spec.method).mixtures(spec.settings)
    try:
        # Where a search diverged, its last lines have nulls instead of logits.
        lines = [line for line in history.read(folder) if _has_weights(line.get("alpha"))]
        epochs = [line["epoch"] + 1 for line in lines]
        layers = _layers(folder, lines, rows) if lines else []
    except (LookupError, TypeError, ValueError):  # somebody else has written them
        raise KitError(f"{folder}: the mixtures in its history are not of its method") from None
    if not layers:
        raise KitError(f"{folder} has no search with mixtures in its history")
    return SearchMixtures(name, list(rows[0].candidates), epochs, layers)


def _layers(
    folder: Path, lines: Sequence[dict[str, Any]], rows: Sequence[MixtureRows]
) -> list[LayerMixture]:
    """Return the searched layers of a run from the lines of its history, one line per epoch."""
    layers: list[LayerMixture] = []
    for number, each in enumerate(rows):
        count = len(lines[-1].get(each.key, ()))
        names = each.names[:count] or _names(folder, count)
        for place, layer in enumerate(names):
            logits = np.array([line[each.key][place] for line in lines], float)
            layers.append(_layer(layer, logits, each.candidates, aside=number > 0))
    return layers


def _has_weights(rows: Any) -> bool:
    """Tell whether every row of logits has a finite one: weights of zero have a logit of -inf."""
    return bool(rows) and all(np.isfinite(max(row)) for row in np.array(rows, float))


def _layer(
    name: str, logits: npt.NDArray[np.float64], candidates: Sequence[str], *, aside: bool
) -> LayerMixture:
    """Return a layer from what was recorded, (epochs, candidates): logits without noise.

    Raises:
        ValueError: there are more of them than candidates.
    """
    if logits.shape[1] > len(candidates):
        raise ValueError(f"{logits.shape[1]} weights of {len(candidates)} candidates")
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(weights > 0, weights * np.log(weights), 0.0).sum(axis=1)
    return LayerMixture(
        name=name,
        chosen=int(weights[-1].argmax()),
        weights=weights.round(6).tolist(),
        entropy=entropy.round(6).tolist(),
        candidates=list(candidates[: weights.shape[1]]),
        aside=aside,
    )


def _names(folder: Path, count: int) -> list[str]:
    """Return the names of the searched layers, numbers while the search is at work."""
    try:
        done = decode_json((folder / "stages" / "search.json").read_bytes(), dict[str, Any])
        names = [str(layer[0]) for layer in done["architecture"]]
    except (OSError, msgspec.MsgspecError, LookupError, TypeError):
        names = []
    return names if len(names) == count else [f"layer {number}" for number in range(count)]


def draw_weights(figure: Mixtures) -> Any:
    """Return the matplotlib figure: one panel per layer of the first run, its choice in blue."""
    search = figure.searches[0]
    count = len(search.layers)
    columns = 3 if count <= 9 else 4
    rows = -(-count // columns)
    drawn = new(WIDE, 0.5 + 1.15 * rows)
    panels = drawn.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, layer in zip(panels, search.layers, strict=False):
        weights = np.array(layer.weights)
        axes.plot(search.epochs, weights, color="#999999", linewidth=0.6, alpha=0.7)
        axes.plot(search.epochs, weights[:, layer.chosen], color=COLOURS[0])
        axes.axhline(1 / weights.shape[1], color="black", linewidth=0.6, linestyle=":")
        axes.set_title(f"{layer.name}: {layer.candidates[layer.chosen]}", fontsize=7)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid()
    for axes in panels[count:]:
        axes.remove()
    for axes in panels[max(0, count - columns) : count]:
        axes.tick_params(labelbottom=True)
    drawn.supxlabel("epoch", fontsize=8)
    drawn.supylabel("weight in the mixture", fontsize=8)
    told = "all candidates; blue: the one with the largest weight at the end; dotted: uniform"
    entitle(drawn, f"{figure.title}, {search.run}\n{told}", 8)
    return drawn


def draw_entropy(figure: Mixtures) -> Any:
    """Return the matplotlib figure: mean entropy per run; of a single run its layers too."""
    drawn = new(NARROW, 2.5)
    axes = drawn.subplots()
    top = math.log(len(figure.searches[0].candidates))
    axes.axhline(top, color="black", linewidth=0.8, linestyle=":")
    axes.annotate(
        "uniform",
        (1, top),
        (-1, 2),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        fontsize=7,
    )
    alone = len(figure.searches) == 1
    # One that lies on another is seen in its gaps.
    styles = [
        {
            "color": COLOURS[index % len(COLOURS)],
            "linestyle": LINES[(index + index // len(COLOURS)) % len(LINES)],
        }
        for index in range(len(figure.searches))
    ]
    for search, style in zip(figure.searches, styles, strict=True):
        for layer in search.layers if alone else ():
            axes.plot(search.epochs, layer.entropy, color="#999999", linewidth=0.6)
        axes.plot(search.epochs, search.entropy, **style)
    lowest = min(min(layer.entropy) for search in figure.searches for layer in search.layers)
    # From 0, unless all that happens would be a line's width.
    bottom, room = (0.0, 0.1 * top) if top - lowest > 0.1 * top else (lowest, 0.1 * (top - lowest))
    axes.set(xlabel="epoch", ylabel="entropy of the mixture (nats)")
    axes.set_ylim(bottom - (room if bottom else 0.0), top + (room or 0.1 * top))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid()
    entitle(drawn, figure.title)
    curves.legend(drawn, [search.run for search in figure.searches], styles)
    return drawn


def text(figure: Mixtures) -> str:
    """Return each layer's choice and weight at the end, and the entropy's way there."""
    lines = [figure.title]
    for search in figure.searches:
        entropy = search.entropy
        uniform = math.log(len(search.candidates))
        lines += [
            "",
            f"{search.run}: {plural(len(search.epochs), 'epoch')}, "
            f"{plural(len(search.candidates), 'candidate')}; "
            f"mean entropy {entropy[0]:.4f} -> {entropy[-1]:.4f} (uniform {uniform:.4f})",
        ]
        width = max(len(layer.name) for layer in search.layers)
        for layer in search.layers:
            weight = layer.weights[-1][layer.chosen]
            choice = layer.candidates[layer.chosen]
            lines.append(f"  {layer.name.ljust(width)}  {choice}  weight {weight:.4f}")
    return "\n".join(lines) + "\n"
