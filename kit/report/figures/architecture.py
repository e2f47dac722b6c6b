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

# Channels of each block over those of the first, and what follows the blocks (A.5.1, A.8).
WIDTHS = {"wide-resnet": (1, 1, 2, 2, 4, 4), "wide-resnet-1d": (1, 2, 2)}
HEADS = {
    ("wide-resnet", True): ("BN+ReLU", "Linear", "Channel-\nMatching"),
    ("wide-resnet", False): ("BN+ReLU", "AvgPool2D", "Flatten+\nLinear"),
    ("wide-resnet-1d", True): ("Linear", "Channel-\nMatching"),
    ("wide-resnet-1d", False): ("AvgPool1D", "Flatten+\nLinear"),
}

Side = Literal["before", "after"]
ACTIVATIONS: dict[str, Side] = {"wide-resnet": "before", "wide-resnet-1d": "after"}


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
        activation: whether dropout, batch norm and ReLU stand before or after a convolution.
    """

    title: str
    dims: int
    stem: tuple[Layer, ...]
    blocks: tuple[Block, ...]
    head: tuple[str, ...]
    activation: Side | None = None


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
    for parent, members in groupby(choices, lambda choice: choice[0].rpartition(".")[0]):
        layers = tuple(Layer(*choice) for choice in members)
        if parent:
            blocks.append(Block(parent, layers))
        else:
            stem += layers
    return Network(
        title=title,
        dims=dims,
        stem=tuple(stem),
        blocks=tuple(_with_channels(blocks, backbone, width, outputs)),
        head=HEADS.get((backbone, dense), ()),
        activation=ACTIVATIONS.get(backbone),
    )


def _with_channels(
    blocks: list[Block], backbone: str, width: int | None, outputs: int
) -> Iterable[Block]:
    """Yield the blocks with the channels of the backbones of appendix A.5.1."""
    shares = WIDTHS.get(backbone, ())
    if len(shares) != len(blocks):
        return blocks
    if backbone == "wide-resnet":
        first = 16 * (width or 4)
    else:
        first = width or min(4 ** (outputs // 10 + 1), 64)
    channels = [first * share for share in shares]
    # The 1D network has a shortcut only where the number of channels changes.
    before = [None, *channels]
    return [
        msgspec.structs.replace(
            block, channels=count, residual=backbone == "wide-resnet" or count != previous
        )
        for block, count, previous in zip(blocks, channels, before, strict=False)
    ]


def text(drawn: Network) -> str:
    """Return the network in the notation of appendix A.8, one part per line."""
    lines = [drawn.title, *(_convolution(layer, drawn.dims) for layer in drawn.stem)]
    lines += [block.notation for block in drawn.blocks]
    lines += [part.replace("\n", "") for part in drawn.head]
    return "\n".join(lines) + "\n"


def _convolution(layer: Layer, dims: int) -> str:
    k = layer.kernel_size
    return f"DilatedConv{'×'.join([str(k)] * dims)},{layer.dilation}"
