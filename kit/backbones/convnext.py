"""ConvNeXt (Liu et al. 2022) for 2D tasks: ConvNeXt-T, and the small variant of DASH's code.

Four stages of 3, 3, 9 and 3 blocks, each with twice the channels of the one before.

| | ConvNeXt-T | DASH's code |
| --- | --- | --- |
| channels of the first stage | 96 | 16 |
| convolution before the first stage | size 4, stride 4 | size 5, stride 1 |
| convolution between stages | size 2, stride 2 | size 3, stride 1 |
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from kit.backbones.wide_resnet import BackboneVariant
from kit.errors import KitError

DEPTHS = (3, 3, 9, 3)
EPSILON = 1e-6
SCALE = 1e-6


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels at each position."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, h, w) -> the same shape."""
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, layer norm, two linear layers, a learned scale; plus the input.

    In training, all but the input is left out for a sample with probability ``drop``.
    """

    def __init__(self, channels: int, drop: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=EPSILON)
        self.layers = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )
        self.scale = nn.Parameter(torch.full((channels,), SCALE))
        self.drop = drop

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, h, w) -> the same shape."""
        y = self.depthwise(x).movedim(1, -1)
        y = (self.scale * self.layers(self.norm(y))).movedim(-1, 1)
        if self.training and self.drop > 0:
            kept = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.drop
            y = y * kept / (1 - self.drop)
        return x + y


class ConvNeXt(nn.Module):
    """Stages with a convolution before each, layer norm, linear layer per sample or position."""

    def __init__(
        self, channels: int, outputs: int, *, dense: bool, width: int, dropout: float, patches: bool
    ) -> None:
        super().__init__()
        widths = [width * 2**stage for stage in range(len(DEPTHS))]
        if patches:
            layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=4)]
            layers += [nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths)]
        else:
            layers = [nn.Conv2d(channels, width, 5, padding=2)]
            layers += [nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(widths)]
        first = ChannelNorm(width, eps=EPSILON)
        norms = [first, *(ChannelNorm(size, eps=EPSILON) for size in widths[:-1])]
        # The norm comes after the first convolution, and before the others.
        pairs = zip(layers, norms, strict=True)
        self.entries = nn.ModuleList(
            nn.Sequential(*(pair[::-1] if number else pair)) for number, pair in enumerate(pairs)
        )
        # The deeper a block, the likelier it is to be left out.
        drops = iter(torch.linspace(0, dropout, sum(DEPTHS), device="cpu").tolist())
        self.stages = nn.ModuleList(
            nn.Sequential(*(ConvNeXtBlock(size, next(drops)) for _ in range(depth)))
            for size, depth in zip(widths, DEPTHS, strict=True)
        )
        self.norm = nn.LayerNorm(widths[-1], eps=EPSILON)
        self.linear = nn.Linear(widths[-1], outputs)
        self.dense = dense

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, h, w) -> (batch, outputs), or (batch, outputs, h, w) if dense."""
        for entry, stage in zip(self.entries, self.stages, strict=True):
            x = stage(entry(x))
        if self.dense:
            return self.linear(self.norm(x.movedim(1, -1))).movedim(-1, 1)
        return self.linear(self.norm(x.mean(dim=(2, 3))))


def build(
    input_shape: Sequence[int],
    outputs: int,
    *,
    dense: bool = False,
    width: int | None = None,
    dropout: float = 0.0,
    variant: BackboneVariant = "dash",
    patches: bool = False,
) -> ConvNeXt:
    """Return the network with its initial weights.

    Args:
        input_shape: (channels, h, w).
        outputs: classes, labels, or channels if dense.
        dense: whether there is one output per position.
        width: channels of the first stage; by default 96 with patches and 16 without.
        dropout: probability that the last block is left out in training (stochastic depth).
        variant: ignored.
        patches: whether the convolutions before the stages have strides, as in ConvNeXt-T; all
            have stride 1 in DASH's code.

    Raises:
        KitError: both ``dense`` and ``patches`` are set.
    """
    if dense and patches:
        raise KitError("a dense task needs ConvNeXt without strides: backbone_options.patches")
    network = ConvNeXt(
        input_shape[0],
        outputs,
        dense=dense,
        width=(96 if patches else 16) if width is None else width,
        dropout=dropout,
        patches=patches,
    )
    initialise(network, variant)
    return network


def initialise(network: nn.Module, variant: BackboneVariant = "dash") -> None:
    """Draw the weights anew: N(0, 0.02^2), truncated at +-2 as released; biases are 0."""
    del variant
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            module.reset_parameters()
        elif isinstance(module, ConvNeXtBlock):
            nn.init.constant_(module.scale, SCALE)
