"""Wide ResNet 16-k for 2D tasks (Zagoruyko & Komodakis), as in DASH and NAS-Bench-360.

The two papers' codes differ in small things, which a variant names:

| | ``dash`` | ``nas-bench-360`` |
| --- | --- | --- |
| bias in convolutions | yes | no |
| stride of a stage | second convolution of its first block | first convolution |
| shortcut convolution reads | the block's input | the input after BN and ReLU |
| initial weights | Xavier uniform, gain sqrt 2 | Kaiming normal, fan out |
| momentum of the last BN | 0.9 | 0.1 |

DASH Table 5 calls both WRN: its WRN row is NAS-Bench-360's, its search starts from its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

BackboneVariant = Literal["dash", "nas-bench-360"]
BLOCKS_PER_STAGE = 2  # depth 16


class WideResNetBlock(nn.Module):
    """A pre-activation block: (BN, ReLU, convolution) twice, dropout between, and a shortcut."""

    def __init__(
        self, inputs: int, outputs: int, stride: int, dropout: float, variant: BackboneVariant
    ) -> None:
        super().__init__()
        bias = variant == "dash"
        first, second = (1, stride) if variant == "dash" else (stride, 1)
        self.activated_shortcut = variant != "dash"
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, first, padding=1, bias=bias)
        self.dropout = nn.Dropout(dropout)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, second, padding=1, bias=bias)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, h, w) -> (batch, outputs, h / stride, w / stride)."""
        activated = self.bn1(x).relu()
        y = self.conv1(activated)
        y = self.conv2(self.dropout(self.bn2(y).relu()))
        plain = isinstance(self.shortcut, nn.Identity) or not self.activated_shortcut
        return y + self.shortcut(x if plain else activated)


class WideResNet(nn.Module):
    """13 convolutions of size 3 and a linear layer, per sample or, if dense, per position."""

    def __init__(
        self,
        channels: int,
        outputs: int,
        *,
        dense: bool,
        width: int,
        dropout: float,
        variant: BackboneVariant,
    ) -> None:
        super().__init__()
        bias = variant == "dash"
        widths = [16 * width, 32 * width, 64 * width]
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=bias)
        blocks = []
        inputs = 16
        for stage, size in enumerate(widths):
            for number in range(BLOCKS_PER_STAGE):
                stride = 2 if stage > 0 and number == 0 and not dense else 1
                blocks.append(WideResNetBlock(inputs, size, stride, dropout, variant))
                inputs = size
        self.blocks = nn.Sequential(*blocks)
        self.bn = nn.BatchNorm2d(inputs, momentum=0.9 if variant == "dash" else 0.1)
        self.linear = nn.Linear(inputs, outputs)
        self.dense = dense

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, h, w) -> (batch, outputs), or (batch, outputs, h, w) if dense."""
        y = self.bn(self.blocks(self.conv1(x))).relu()
        if not self.dense:
            return self.linear(y.mean(dim=(2, 3)))
        return self.linear(y.movedim(1, -1)).movedim(-1, 1)


def build(
    input_shape: Sequence[int],
    outputs: int,
    *,
    dense: bool = False,
    width: int | None = None,
    dropout: float = 0.0,
    variant: BackboneVariant = "dash",
) -> WideResNet:
    """Return a WRN-16-``width`` (4 by default) with its variant's initial weights."""
    network = WideResNet(
        input_shape[0],
        outputs,
        dense=dense,
        width=4 if width is None else width,
        dropout=dropout,
        variant=variant,
    )
    initialise(network, variant)
    return network


def initialise(network: nn.Module, variant: BackboneVariant = "dash") -> None:
    """Draw the weights anew; convolutions may have other sizes than ``build`` gave them."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            if variant == "dash":
                nn.init.xavier_uniform_(module.weight, gain=math.sqrt(2))
            else:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d | nn.Linear):
            module.reset_parameters()
