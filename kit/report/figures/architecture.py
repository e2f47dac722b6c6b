"""Searched networks, in the notation and drawing of DASH's appendix A.8.

The height of a layer is its kernel size, not its number of channels. The notation names full
convolutions: the search's depthwise ones are not what is retrained.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Literal

import msgspec

from kit import task
from kit.errors import KitError
from kit.runs.folder import read_result

Side = Literal["before", "after"]


class Form(msgspec.Struct, frozen=True):
    """What a backbone has beside the convolutions that are searched.

    Attributes:
        side: where the operations of a convolution stand.
        operations: their names, one a line.
        point: what follows the blocks.
        dense: what follows them on a dense task.
    """

    side: Side
    operations: str
    point: tuple[str, ...]
    dense: tuple[str, ...]


MATCHING = ("Linear", "Channel-\nMatching")
FORMS = {
    "wide-resnet": Form(
        "before",
        "Dropout\nBN+ReLU",
        ("BN+ReLU", "AvgPool2D", "Flatten+\nLinear"),
        ("BN+ReLU", *MATCHING),
    ),
    "wide-resnet-1d": Form(
        "after", "Dropout\nBN+ReLU", ("AvgPool1D", "Flatten+\nLinear"), MATCHING
    ),
    "tcn": Form("after", "BN+ReLU\nDropout", ("BN", "Linear"), ("BN", *MATCHING)),
}


class Layer(msgspec.Struct, frozen=True):
    """A convolution: kernel size and dilation."""

    name: str
    kernel_size: int
    dilation: int


class Block(msgspec.Struct, frozen=True):
    """Layers of one module of the network; a single layer at its top stands for itself.

    Attributes:
        channels: that it puts out; None where the kit's notation does not know them.
        residual: whether a shortcut passes it by; None where that is not known.
    """

    name: str
    layers: tuple[Layer, ...]
    channels: int | None = None
    residual: bool | None = None

    @property
    def notation(self) -> str:
        """The block as appendix A.8 writes it, without subscripts."""
        sizes = ",".join(f"({layer.kernel_size},{layer.dilation})" for layer in self.layers)
        return f"Block{self.channels or ''},{sizes}"


class Network(msgspec.Struct, frozen=True):
    """A figure with its data.

    Attributes:
        stem: layers before the blocks.
        head: what follows the blocks.
        side: whether a convolution's operations stand before or after it.
        operations: their names, one a line.
    """

    title: str
    dims: int
    stem: tuple[Layer, ...]
    blocks: tuple[Block, ...]
    head: tuple[str, ...] = ()
    side: Side | None = None
    operations: str = ""


def make(folder: Path) -> Network:
    """Return the network that a finished run searched.

    Raises:
        KitError: the run has no result, or one that is no list of kernel sizes and dilations.
    """
    try:
        result = read_result(folder / "result.json")
    except (OSError, ValueError) as error:
        raise KitError(f"{folder} has no valid result: {error}") from None
    found = result.architecture
    if found is None or found.kind != "kernel-dilation":
        kind = "no architecture" if found is None else f"{found.kind} for architecture"
        raise KitError(f"{result.spec} has {kind}; kernel sizes and dilations are drawn")
    the_task = task.find(result.spec.task)
    settings = result.spec.settings
    title = f"{result.spec.task} {result.spec.method} seed {result.spec.seed}"
    return network(
        f"{title} (profile {result.spec.profile}, tier {result.spec.tier})",
        [(str(name), int(k), int(d)) for name, k, d in found.value],
        backbone=settings["backbone"],
        width=settings["retrain"]["width"],
        dims=the_task.dims,
        outputs=the_task.outputs,
        dense=the_task.kind == "dense",
    )


def network(
    title: str,
    choices: Iterable[tuple[str, int, int]],
    *,
    backbone: str,
    width: int | None,
    dims: int,
    outputs: int,
    dense: bool,
) -> Network:
    """Return a network from its layers: (name, kernel size, dilation), in module order."""
    stem: list[Layer] = []
    blocks: list[Block] = []
    ordered = sorted(choices, key=_stage) if backbone == "convnext" else choices
    for parent, members in groupby(ordered, lambda choice: choice[0].rpartition(".")[0]):
        layers = tuple(Layer(*choice) for choice in members)
        if parent:
            blocks.append(Block(parent, layers))
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
    form = FORMS.get(backbone)
    drawn = Network(title, dims, tuple(stem), tuple(blocks))
    if form is None:
        return drawn
    head = form.dense if dense else form.point
    return msgspec.structs.replace(drawn, head=head, side=form.side, operations=form.operations)


def _channels(backbone: str, width: int | None, outputs: int, blocks: int) -> tuple[int, ...]:
    """Return the channels of each block (A.5.1; 100 in the TCN), none for other backbones."""
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
    """Order ConvNeXt's layers as they are run: each stage after its entry."""
    kind, stage, *_ = choice[0].split(".")
    return int(stage), kind


def text(drawn: Network) -> str:
    """Return the network in the notation of appendix A.8, one part per line."""
    lines = [drawn.title, *(_convolution(layer, drawn.dims) for layer in drawn.stem)]
    lines += [block.notation for block in drawn.blocks]
    lines += [part.replace("\n", "") for part in drawn.head]
    return "\n".join(lines) + "\n"


def _convolution(layer: Layer, dims: int) -> str:
    k = layer.kernel_size
    return f"DilatedConv{'×'.join([str(k)] * dims)},{layer.dilation}"
