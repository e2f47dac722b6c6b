"""The residual network for 1D tasks that both papers call 1D WRN (Wang et al., FCN-ResNet).

Three blocks of three convolutions (8, 5, 3). NAS-Bench-360 uses 64, 128 and 128 channels without
dropout inside; DASH scales the channels with the number of classes (appendix A.5.1).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from torch import Tensor, nn

from kit.backbones.wide_resnet import BackboneVariant

KERNEL_SIZES = (8, 5, 3)
# Torch warns that an even kernel size costs a padded copy; it is the papers' network.
warnings.filterwarnings("ignore", message="Using padding='same' with even kernel lengths")


class WideResNet1dBlock(nn.Module):
    """(Convolution, dropout, BN, ReLU) three times; a residual only where the width changes."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = inputs
        for size in KERNEL_SIZES:
            layers += [
                nn.Conv1d(width, outputs, size, padding="same"),
                nn.Dropout(dropout),
                nn.BatchNorm1d(outputs),
                nn.ReLU(),
            ]
            width = outputs
        self.layers = nn.Sequential(*layers)
        self.channel_match: nn.Module | None = None
        if inputs != outputs:
            self.channel_match = nn.Sequential(
                nn.Conv1d(inputs, outputs, 1), nn.BatchNorm1d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, n) -> (batch, outputs, n)."""
        y: Tensor = self.layers(x)
        return y if self.channel_match is None else y + self.channel_match(x)


class WideResNet1d(nn.Module):
    """Three blocks of ``width``, 2 ``width``, 2 ``width`` channels, mean over time, linear."""

    def __init__(
        self, channels: int, outputs: int, *, dense: bool, width: int, dropout: float
    ) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            WideResNet1dBlock(channels, width, dropout),
            WideResNet1dBlock(width, 2 * width, dropout),
            WideResNet1dBlock(2 * width, 2 * width, dropout),
        )
        self.linear = nn.Linear(2 * width, outputs)
        self.dense = dense

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, n) -> (batch, outputs), or (batch, outputs, n) if dense."""
        y = self.blocks(x)
        if not self.dense:
            return self.linear(y.mean(dim=2))
        return self.linear(y.movedim(1, -1)).movedim(-1, 1)


def build(
    input_shape: Sequence[int],
    outputs: int,
    *,
    dense: bool = False,
    width: int | None = None,
    dropout: float = 0.0,
    variant: BackboneVariant = "dash",
) -> WideResNet1d:
    """Return the network; the default ``width`` is that of the variant's paper."""
    if width is None:
        width = min(4 ** (outputs // 10 + 1), 64) if variant == "dash" else 64
    return WideResNet1d(input_shape[0], outputs, dense=dense, width=width, dropout=dropout)


def initialise(network: nn.Module, variant: BackboneVariant = "dash") -> None:
    """Draw the weights anew by torch's default rules, as both released codes do."""
    del variant
    for module in network.modules():
        if isinstance(module, nn.Conv1d | nn.BatchNorm1d | nn.Linear):
            module.reset_parameters()
