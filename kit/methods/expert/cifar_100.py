"""DenseNet-BC (Huang et al., CVPR 2017, sections 3 and 4.2): each layer reads all before it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

BLOCKS = 3
# Bottlenecks hold four times what a layer adds; transitions keep half of the channels.
BOTTLENECK, KEPT = 4, 0.5


def build(
    input_shape: tuple[int, ...], outputs: int, *, depth: int = 100, growth: int = 24
) -> nn.Module:
    """Return the network for images (channels, rows, columns).

    Args:
        input_shape: of one image.
        outputs: classes.
        depth: layers with weights; 4 + 6 n for n bottlenecks in each block.
        growth: channels that each layer adds.
    """
    width = 2 * growth
    layers: list[nn.Module] = [_convolution(input_shape[0], width, 3)]
    for block in range(BLOCKS):
        if block:
            kept = int(KEPT * width)
            layers += [*_activated(width), _convolution(width, kept, 1), nn.AvgPool2d(2)]
            width = kept
        for _ in range((depth - 4) // (2 * BLOCKS)):
            layers.append(Bottleneck(width, growth))
            width += growth
    layers += [*_activated(width), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    linear = nn.Linear(width, outputs)
    nn.init.zeros_(linear.bias)
    return nn.Sequential(*layers, linear)


class Bottleneck(nn.Module):
    """Append ``growth`` channels, computed from all channels before."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        inner = BOTTLENECK * growth
        self.added = nn.Sequential(
            *_activated(width),
            _convolution(width, inner, 1),
            *_activated(inner),
            _convolution(inner, growth, 3),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width, ...) -> (batch, width + growth, ...)."""
        return torch.cat([x, self.added(x)], dim=1)


def _activated(width: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]


def _convolution(channels: int, outputs: int, size: int) -> nn.Conv2d:
    """A convolution that keeps the size, without bias; He's normal weights by fan-out."""
    layer = nn.Conv2d(channels, outputs, size, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer
