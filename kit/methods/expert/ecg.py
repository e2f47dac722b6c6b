"""ECG: the one-dimensional residual network of Hong et al. (2019), 48 blocks of grouped filters."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from kit.methods.expert.layers.same import SameConv1d

KERNEL_SIZE = 16
# Blocks from one halving of the length, and from one doubling of the channels, to the next.
BLOCKS_PER_HALVING, BLOCKS_PER_DOUBLING = 6, 12


class EcgBlock(nn.Module):
    """(BN, ReLU, dropout, convolution) twice, beside a shortcut without weights.

    Args:
        inputs: channels.
        outputs: channels.
        stride: of the first convolution, and of the shortcut's max pooling.
        groups: into which both convolutions divide their channels.
        first: whether it is the first block, which begins with its convolution.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, groups: int, first: bool) -> None:
        super().__init__()
        self.first, self.stride, self.added = first, stride, outputs - inputs
        # The first block's normalisation is among the published parameters, though never used.
        self.bn1 = nn.BatchNorm1d(inputs)
        self.conv1 = SameConv1d(inputs, outputs, KERNEL_SIZE, stride, groups=groups)
        self.bn2 = nn.BatchNorm1d(outputs)
        self.conv2 = SameConv1d(outputs, outputs, KERNEL_SIZE, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, n) -> (batch, outputs, ceil(n / stride))."""
        y = x if self.first else self._activate(self.bn1(x))
        y = self.conv2(self._activate(self.bn2(self.conv1(y))))
        if self.stride > 1:
            # Padded as for a stride of one, that is, at the end only.
            x = F.max_pool1d(F.pad(x, (0, self.stride - 1)), self.stride)
        if self.added:
            x = F.pad(x, (0, 0, self.added // 2, self.added - self.added // 2))
        return x + y

    def _activate(self, x: Tensor) -> Tensor:
        return F.dropout(F.relu(x), 0.5, self.training)


class ResNet1d(nn.Module):
    """Convolution, residual blocks, mean over time, linear."""

    def __init__(self, channels: int, outputs: int, blocks: int, width: int, groups: int) -> None:
        super().__init__()
        self.conv = SameConv1d(channels, width, KERNEL_SIZE)
        self.bn = nn.BatchNorm1d(width)
        self.blocks = nn.Sequential()
        inputs = width
        for number in range(blocks):
            stride = 2 if number % BLOCKS_PER_HALVING == 1 else 1
            wider = width << (number // BLOCKS_PER_DOUBLING)
            self.blocks.append(EcgBlock(inputs, wider, stride, groups, first=number == 0))
            inputs = wider
        self.last_bn = nn.BatchNorm1d(inputs)
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, n) -> (batch, outputs)."""
        y = self.blocks(F.relu(self.bn(self.conv(x))))
        return self.linear(F.relu(self.last_bn(y)).mean(dim=2))


def build(
    input_shape: Sequence[int],
    outputs: int,
    *,
    blocks: int = 48,
    width: int = 128,
    groups: int = 32,
) -> ResNet1d:
    """Return the network; ``width`` is that of the first blocks and a multiple of ``groups``."""
    return ResNet1d(input_shape[0], outputs, blocks, width, groups)
