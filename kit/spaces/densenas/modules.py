"""The layers that DenseNAS consists of, in 1D and 2D from one definition."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from kit.spaces.operations import PLAIN, Norm, convolution


class BasicBlock(nn.Module):
    """Two 3-wide convolutions beside the input, or its 1-wide convolution where shapes differ.

    Args:
        dims: 1 or 2.
        inputs: channels.
        outputs: channels.
        stride: of the first convolution, and of the one beside.
        norm: what its normalisations are like.
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
    """The input block: zeros around the sample, a 3-wide convolution, a norm, an activation.

    Args:
        dims: 1 or 2.
        inputs: channels of a sample.
        outputs: channels.
        stride: of the convolution.
        pad: zeros on each side of each axis, besides those of the convolution.
        ceiling: whether the activation is ReLU6, or ReLU.
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
    """A linear layer on the mean over all positions, or, where it is ``dense``, at each of them."""

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
    """Draw the weights of all convolutions: normal, by the fan-out (He et al. 2015)."""
    for module in network.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
