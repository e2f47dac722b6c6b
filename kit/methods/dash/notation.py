"""Searched networks in the notation of DASH's appendix A.8. No torch.

It names full convolutions, as they are retrained; those of the search may be depthwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Literal

import msgspec

Side = Literal["before", "after"]


class Surroundings(msgspec.Struct, frozen=True):
    """The layers of a backbone around the convolutions that are searched.

    Attributes:
        side: where the operations that go with a convolution stand.
        operations: their names, one a line.
        point: names of the layers after the blocks, on a task with one output per sample.
        dense: the same on a dense task.
    """

    side: Side
    operations: str
    point: tuple[str, ...]
    dense: tuple[str, ...]


MATCHING = ("Linear", "Channel-\nMatching")
SURROUNDINGS = {
    "wide-resnet": Surroundings(
        "before",
        "Dropout\nBN+ReLU",
        ("BN+ReLU", "AvgPool2D", "Flatten+\nLinear"),
        ("BN+ReLU", *MATCHING),
    ),
    "wide-resnet-1d": Surroundings(
        "after", "Dropout\nBN+ReLU", ("AvgPool1D", "Flatten+\nLinear"), MATCHING
    ),
    "tcn": Surroundings("after", "BN+ReLU\nDropout", ("BN", "Linear"), ("BN", *MATCHING)),
}


class DiagramLayer(msgspec.Struct, frozen=True):
    """A convolution: kernel size and dilation."""

    name: str
    kernel_size: int
    dilation: int


class DiagramBlock(msgspec.Struct, frozen=True):
    """Layers of one module of the network; a single layer at its top stands for itself.

    Attributes:
        channels: of its output; None where unknown.
        residual: whether it has a shortcut; None where unknown.
    """

    name: str
    layers: tuple[DiagramLayer, ...]
    channels: int | None = None
    residual: bool | None = None

    @property
    def notation(self) -> str:
        """The block as appendix A.8 writes it, without subscripts."""
        sizes = ",".join(f"({layer.kernel_size},{layer.dilation})" for layer in self.layers)
        return f"Block{self.channels or ''},{sizes}"


class DiagramNetwork(msgspec.Struct, frozen=True):
    """A network as it is drawn.

    Attributes:
        dims: spatial axes of the task.
        stem: layers before the blocks.
        head: names of the layers after the blocks.
        side: whether a convolution's operations stand before or after it.
        operations: their names, one a line.
    """

    dims: int
    stem: tuple[DiagramLayer, ...]
    blocks: tuple[DiagramBlock, ...]
    head: tuple[str, ...] = ()
    side: Side | None = None
    operations: str = ""


def network(
    choices: Iterable[tuple[str, int, int]],
    *,
    backbone: str,
    width: int | None,
    dims: int,
    outputs: int,
    dense: bool,
) -> DiagramNetwork:
    """Return a network from its layers: (name, kernel size, dilation), in module order."""
    stem: list[DiagramLayer] = []
    blocks: list[DiagramBlock] = []
    ordered = sorted(choices, key=_stage) if backbone == "convnext" else choices
    for parent, members in groupby(ordered, lambda choice: choice[0].rpartition(".")[0]):
        layers = tuple(DiagramLayer(*choice) for choice in members)
        if parent:
            blocks.append(DiagramBlock(parent, layers))
        else:
            stem += layers
    if channels := _channels(backbone, width, outputs, len(blocks)):
        # The 1D network has a shortcut only where the number of channels changes.
        blocks = [
            msgspec.structs.replace(
                block, channels=count, residual=backbone != "wide-resnet-1d" or count != before
            )
            for block, count, before in zip(blocks, channels, (None, *channels), strict=False)
        ]
    around = SURROUNDINGS.get(backbone)
    drawn = DiagramNetwork(dims, tuple(stem), tuple(blocks))
    if around is None:
        return drawn
    head = around.dense if dense else around.point
    return msgspec.structs.replace(drawn, head=head, side=around.side, operations=around.operations)


def _channels(backbone: str, width: int | None, outputs: int, blocks: int) -> tuple[int, ...]:
    """Return the channels of each block (A.5.1; 100 in the TCN); empty for other backbones."""
    shares: tuple[int, ...] = ()
    first = width or 100
    if backbone == "wide-resnet":
        shares, first = (1, 1, 2, 2, 4, 4), 16 * (width or 4)
    elif backbone == "wide-resnet-1d":
        shares, first = (1, 2, 2), width or min(4 ** (outputs // 10 + 1), 64)
    elif backbone == "tcn":
        shares = (1,) * blocks
    return tuple(first * share for share in shares) if len(shares) == blocks else ()


def _stage(choice: tuple[str, int, int]) -> tuple[int, str]:
    """Return a key that sorts ConvNeXt's layers as they run: each stage after its entry."""
    kind, stage, *_ = choice[0].split(".")
    return int(stage), kind


def text(drawn: DiagramNetwork) -> str:
    """Return the network in the notation of appendix A.8, one part per line."""
    lines = [_convolution(layer, drawn.dims) for layer in drawn.stem]
    lines += [block.notation for block in drawn.blocks]
    lines += [part.replace("\n", "") for part in drawn.head]
    return "\n".join(lines) + "\n"


def _convolution(layer: DiagramLayer, dims: int) -> str:
    k = layer.kernel_size
    return f"DilatedConv{'×'.join([str(k)] * dims)},{layer.dilation}"
