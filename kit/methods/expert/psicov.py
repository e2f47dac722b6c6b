"""DEEPCON for distances: dilated residual blocks on whole maps (Adhikari, Bioinformatics 2020).

A Keras network with Keras' defaults: batch norm of momentum 0.99 and epsilon 1e-3, Glorot's uniform
weights, zero biases, "same" padding.
"""

from __future__ import annotations

from torch import Tensor, nn

# Torch's momentum is the weight of the new statistics: one minus that of Keras.
MOMENTUM, EPSILON = 0.01, 1e-3
DILATIONS = (1, 2, 4)


def build(
    input_shape: tuple[int, ...],
    outputs: int,
    *,
    depth: int = 128,
    width: int = 16,
    dropout: float = 0.3,
) -> nn.Module:
    """Return the network for maps (features, side, side) of any side; distances are not negative.

    Args:
        input_shape: of one training crop.
        outputs: channels of the answer.
        depth: residual blocks.
        width: channels within.
        dropout: its probability, within blocks.
    """
    blocks = [DilatedBlock(width, DILATIONS[number % 3], dropout) for number in range(depth)]
    network = nn.Sequential(
        *_activated(input_shape[0]),
        nn.Conv2d(input_shape[0], width, 1),
        *blocks,
        *_activated(width),
        nn.Conv2d(width, outputs, 3, padding=1),
        nn.ReLU(),
    )
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.get_parameter("bias"))
    return network


class DilatedBlock(nn.Module):
    """Two 3x3 convolutions, the second one dilated, added to the input."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.added = nn.Sequential(
            *_activated(width),
            nn.Conv2d(width, width, 3, padding=1),
            nn.Dropout(dropout),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width, side, side) -> the same shape."""
        return x + self.added(x)


def _activated(width: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(width, EPSILON, MOMENTUM), nn.ReLU()]
