"""Architectures of DenseNAS as data: a chain of blocks in the authors' form. No torch.

A value is a list of ``[[inputs, outputs], "basic_block", ["basic_block", ...], n, stride]``: the
block's head, then the n layers of its stack.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

OPERATION = "basic_block"
FORM = f"[[inputs, outputs], '{OPERATION}', ['{OPERATION}', ...], their number, stride]"
# The key before an architecture in files that the authors wrote by hand, mostly in comments with #.
KEY = "net_config:"
# Upper bound of numbers of channels; larger ones are typing errors.
LARGEST = 9999
# Pixels of a sketch: height of a row, width of all of it, width of the labels.
ROW, SIDE, LABEL = 20, 440, 130
LEGEND = "A bar is a block, as wide as it has channels; behind it the layers of its stack."


@dataclass(frozen=True)
class Block:
    """A block of an architecture: a head, then a stack of layers.

    Attributes:
        inputs: channels that the head reads.
        outputs: channels of the head's output and of the stack.
        stride: stride of the head, 1 or 2.
        stack: number of layers after the head.
    """

    inputs: int
    outputs: int
    stride: int
    stack: int

    @property
    def entry(self) -> list[Any]:
        """The block as an entry of a value."""
        layers = [OPERATION] * self.stack
        return [[self.inputs, self.outputs], OPERATION, layers, self.stack, self.stride]


def parse(value: Any) -> list[Block]:
    """Return the blocks of a value, which may be any JSON.

    Raises:
        ValueError: it is not an architecture; the message names the block that is wrong.
    """
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"no list of blocks {FORM}")
    blocks: list[Block] = []
    for number, entry in enumerate(value, 1):
        try:
            block = _block(entry)
        except ValueError as error:
            raise ValueError(f"block {number}: {error}") from None
        if blocks and block.inputs != blocks[-1].outputs:
            raise ValueError(
                f"block {number}: it takes {block.inputs} channels, and block {number - 1} has "
                f"{blocks[-1].outputs}"
            )
        blocks.append(block)
    return blocks


def text(value: Any) -> str:
    """Return a value in the authors' form on one line, with entries joined by ``|``."""
    return "|".join(str(block.entry) for block in parse(value))


class Blocks:
    """The kind of architecture that DenseNAS finds: see ``kit.architecture.ArchitectureKind``."""

    name, version = "blocks", 1

    def read(self, text: str) -> Any:
        """Return the value in a text.

        Args:
            text: JSON, or the authors' form, which is entries joined by ``|``, also in a comment
                and with ``net_config:`` before it, as in their files.

        Raises:
            ValueError: it is neither of these, or there are several architectures.
        """
        lines = (line.strip().lstrip("#").strip() for line in text.splitlines())
        text = "".join(lines)
        if text.startswith("[[["):
            return _decoded(text, "the text")
        if (count := text.count(KEY)) > 1:
            raise ValueError(f"it holds {count} architectures; leave one")
        parts = text.removeprefix(KEY).strip().strip('"').split("|")
        return [_decoded(part, f"block {number}") for number, part in enumerate(parts, 1)]

    def check(self, value: Any) -> None:
        """Check that a value, which may be any JSON, is an architecture.

        Raises:
            ValueError: it is not; the message names the block that is wrong.
        """
        parse(value)

    def likeness(self, one: Any, other: Any) -> float:
        """Return the share, from 0 to 1, of the blocks of the longer chain that are in both."""
        left, right = Counter(parse(one)), Counter(parse(other))
        return (left & right).total() / max(left.total(), right.total())

    def describe(self, value: Any, spec: Any, task: Any) -> str:
        """Return the authors' form, one block per line."""
        del spec, task
        return "|\n".join(str(block.entry) for block in parse(value)) + "\n"

    def draw(self, axes: Any, value: Any, spec: Any, task: Any) -> None:
        """Draw the channels of every layer as bars on axes of matplotlib; heads are darker."""
        del spec, task
        blocks, place = parse(value), 0
        names, ticks = [], []
        for block in blocks:
            axes.bar(place, block.outputs, color="#0072B2", edgecolor="black", linewidth=0.7)
            stacked = range(place + 1, place + 1 + block.stack)
            axes.bar(
                stacked, [block.outputs] * block.stack, color="#56B4E9", edgecolor="black", lw=0.7
            )
            ticks.append(place + block.stack / 2)
            names.append(f"{block.outputs}\nstride {block.stride}")
            place += 1 + block.stack
        axes.set_xticks(ticks, names)
        axes.set_ylabel("channels")

    def sketch(self, value: Any) -> tuple[str, str] | None:
        """Return an SVG element with a bar for each block and dots for its layers, and its legend.

        None if there are too many blocks or layers.
        """
        blocks = parse(value)
        widest, longest = max(b.outputs for b in blocks), max(b.stack for b in blocks)
        unit = (SIDE - LABEL - 12 * longest - 20) / widest
        if unit <= 0 or len(blocks) > 200:
            return None
        rows = []
        for number, block in enumerate(blocks):
            y = ROW * number + ROW // 2
            width = block.outputs * unit
            rows.append(f'<text x="0" y="{y + 4}">{block.outputs}, stride {block.stride}</text>')
            rows.append(f'<rect x="{LABEL}" y="{y - 5}" width="{width:.1f}" height="10"/>')
            dots = (LABEL + width + 12 * (layer + 1) for layer in range(block.stack))
            rows += [f'<circle cx="{x:.1f}" cy="{y}" r="3"/>' for x in dots]
        description = "; ".join(
            f"{b.outputs} channels, stride {b.stride}, {b.stack} layers" for b in blocks
        )
        size = f"0 0 {SIDE} {ROW * len(blocks)}"
        opening = f'<svg class="taps" viewBox="{size}" role="img" aria-label="{description}">'
        return f"{opening}{''.join(rows)}</svg>", LEGEND

    def setting(self, value: Any, task: Any) -> Any:
        """Return the value itself."""
        del task
        return value


def _block(entry: Any) -> Block:
    """Return the block of an entry, or raise ValueError."""
    if not isinstance(entry, list | tuple) or len(entry) != 5:
        raise ValueError(f"no {FORM}")
    channels, head, layers, count, stride = entry
    if not isinstance(channels, list | tuple) or len(channels) != 2:
        raise ValueError(f"[inputs, outputs] is needed, not {_short(channels)}")
    for name, number in zip(("inputs", "outputs"), channels, strict=True):
        if type(number) is not int or not 1 <= number <= LARGEST:
            raise ValueError(f"{name} are a whole number from 1 to {LARGEST}, not {_json(number)}")
    if not isinstance(layers, list | tuple):
        raise ValueError(f"a list of operations is needed, not {_short(layers)}")
    for name in (head, *layers):
        if name != OPERATION:
            raise ValueError(f"the operations are {OPERATION!r}, not {_short(name)}")
    if type(count) is not int or count != len(layers):
        raise ValueError(f"it has {len(layers)} operations in its stack, not {_json(count)}")
    if type(stride) is not int or stride not in (1, 2):
        raise ValueError(f"the stride is 1 or 2, not {_short(stride)}")
    return Block(channels[0], channels[1], stride, count)


def _decoded(part: str, place: str) -> Any:
    """Return the value of JSON with any quotes; ``place`` names the part in the message."""
    try:
        return json.loads(part.replace("'", '"'))
    except (ValueError, RecursionError):
        raise ValueError(f"{place} is no {FORM}: {_cut(part.strip())}") from None


def _short(value: Any) -> str:
    """Return a value as JSON, cut to 40 characters; text has no quotes."""
    encoded = json.dumps(value, ensure_ascii=False)
    return _cut(encoded[1:-1] if isinstance(value, str) else encoded)


def _json(value: Any) -> str:
    """Return a value as JSON, cut to 40 characters."""
    return _cut(json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    """Return a text cut to 40 characters."""
    return text if len(text) <= 40 else f"{text[:37]}..."
