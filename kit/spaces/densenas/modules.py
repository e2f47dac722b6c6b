"""The layers of DenseNAS's networks, with one definition for 1D and 2D."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from kit.spaces.operations import PLAIN, Norm, convolution


class BasicBlock(nn.Module):
    """A residual block: two convolutions of size 3, and a shortcut.

    The shortcut is the identity, or a convolution of size 1 if the shapes of input and output
    differ.

    Args:
        dims: 1 or 2.
        inputs: channels.
        outputs: channels.
        stride: stride of the first convolution and of the shortcut's.
        norm: options of the normalisations.
    """

    def __init__(self, dims: int, inputs: int, outputs: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.conv1 = convolution(inputs, outputs, 3, dims, stride=stride)
        self.norm1 = norm.layer(outputs, dims)
        self.conv2 = convolution(outputs, outputs, 3, dims)
        self.norm2 = norm.layer(outputs, dims)
        self.beside: nn.Module = nn.Identity()
        if (inputs, stride) != (outputs, 1):
            self.beside = nn.Sequential(
                convolution(inputs, outputs, 1, dims, stride=stride), norm.layer(outputs, dims)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, *spatial) -> (batch, outputs, *ceil(spatial / stride))."""
        inner = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return F.relu(self.norm2(self.conv2(inner)) + self.beside(x), inplace=True)


class Stem(nn.Module):
    """The input block: padding with zeros, a convolution of size 3, a norm, an activation.

    Args:
        dims: 1 or 2.
        inputs: channels of a sample.
        outputs: channels.
        stride: stride of the convolution.
        pad: number of zeros on each side of each axis, besides the padding of the convolution.
        ceiling: whether the activation is ReLU6 instead of ReLU.
    """

    def __init__(
        self, dims: int, inputs: int, outputs: int, stride: int, pad: int, ceiling: bool
    ) -> None:
        super().__init__()
        self.pad = (pad, pad) * dims
        self.conv = convolution(inputs, outputs, 3, dims, stride=stride)
        self.norm = PLAIN.layer(outputs, dims)
        self.activation = nn.ReLU6(inplace=True) if ceiling else nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, *spatial) -> (batch, outputs, *ceil((spatial + 2 pad) / stride))."""
        x = F.pad(x, self.pad) if any(self.pad) else x
        return self.activation(self.norm(self.conv(x)))


class Classifier(nn.Module):
    """A linear layer on the mean over all positions, or at each position if ``dense``.

    Args:
        inputs: channels.
        outputs: numbers for a sample, or for each position if ``dense``.
        dense: whether it returns outputs for each position.
    """

    def __init__(self, inputs: int, outputs: int, dense: bool) -> None:
        super().__init__()
        self.dense = dense
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, *spatial) -> (batch, outputs), or (batch, outputs, *spatial)."""
        if self.dense:
            return self.linear(x.movedim(1, -1)).movedim(-1, 1)
        return self.linear(x.flatten(2).mean(2))


def initialise(network: nn.Module) -> None:
    """Redraw the weights of all convolutions from He's normal distribution by the fan-out."""
    for module in network.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
