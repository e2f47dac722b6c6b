"""The temporal convolutional network (Bai, Kolter & Koltun 2018) as in DASH's code.

Eight levels of 100 channels, kernel size 7, dilation 2^level; a level is (convolution with weight
norm, BN, ReLU, dropout) twice and a residual. The batch norms are DASH's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from kit.backbones.wide_resnet import BackboneVariant
from kit.ops.convolutions import CausalConv1d
from kit.settings import Positive

KERNEL_SIZE = 7
Padding = Literal["causal", "centred"]
Readout = Literal["last", "mean"]


class Level(nn.Module):
    """(Convolution, BN, ReLU, dropout) twice, plus the input, then a ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        dilation: int,
        dropout: float,
        padding: Padding,
        weight_norm: bool,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in (inputs, outputs):
            convolution = _convolution(width, outputs, dilation, padding)
            if weight_norm:
                # One norm for the whole weight, not one per output, as released.
                convolution = parametrizations.weight_norm(convolution, dim=-1)
            layers += [convolution, nn.BatchNorm1d(outputs), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers)
        self.downsample = nn.Identity() if inputs == outputs else nn.Conv1d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, n) -> (batch, outputs, n)."""
        return (self.layers(x) + self.downsample(x)).relu()


class Tcn(nn.Module):
    """The levels, a batch norm, and a linear layer on the last step, the mean, or each step."""

    def __init__(
        self,
        channels: int,
        outputs: int,
        *,
        dense: bool,
        width: int,
        levels: int,
        dropout: float,
        padding: Padding,
        weight_norm: bool,
        readout: Readout,
    ) -> None:
        super().__init__()
        self.levels = nn.Sequential(
            *(
                Level(width if i else channels, width, 2**i, dropout, padding, weight_norm)
                for i in range(levels)
            )
        )
        self.bn = nn.BatchNorm1d(width)
        self.linear = nn.Linear(width, outputs)
        self.dense, self.readout = dense, readout

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, n) -> (batch, outputs), or (batch, outputs, n) if dense."""
        y = self.bn(self.levels(x))
        if self.dense:
            return self.linear(y.movedim(1, -1)).movedim(-1, 1)
        return self.linear(y[..., -1] if self.readout == "last" else y.mean(dim=2))


def build(
    input_shape: Sequence[int],
    outputs: int,
    *,
    dense: bool = False,
    width: int | None = None,
    dropout: float = 0.0,
    variant: BackboneVariant = "dash",
    levels: Positive = 8,
    padding: Padding = "causal",
    weight_norm: bool = True,
    readout: Readout = "last",
) -> Tcn:
    """Return the network with its initial weights.

    Args:
        input_shape: (channels, n).
        outputs: classes, labels, or channels if dense.
        dense: whether there is one output per step.
        width: channels, 100 by default.
        dropout: after each ReLU within a level.
        variant: ignored.
        levels: number of levels.
        padding: ``causal`` as in the paper, or ``centred`` as DASH searches it (``chomp`` removed).
        weight_norm: whether the convolutions of the levels have weight norm.
        readout: what the output of a sample is computed from; ``mean`` suits centred kernels, which
            at the last step see half of what they could.
    """
    network = Tcn(
        input_shape[0],
        outputs,
        dense=dense,
        width=100 if width is None else width,
        levels=levels,
        dropout=dropout,
        padding=padding,
        weight_norm=weight_norm,
        readout=readout,
    )
    initialise(network, variant)
    return network


def initialise(network: nn.Module, variant: BackboneVariant = "dash") -> None:
    """Draw the weights anew: convolutions from N(0, 0.01^2), except under weight norm.

    Both released codes draw those from N(0, 0.01^2), too, but into a tensor that weight norm then
    overwrites from its parameters, so that torch's initial weights are what counts.
    """
    del variant
    for module in network.modules():
        if isinstance(module, nn.Conv1d):
            _draw(module)
        elif isinstance(module, nn.BatchNorm1d | nn.Linear):
            module.reset_parameters()


@torch.no_grad()
def _draw(layer: nn.Conv1d) -> None:
    """Draw the weights and biases of a convolution, with or without weight norm."""
    weight = torch.empty_like(layer.weight)
    if parametrize.is_parametrized(layer, "weight"):
        layer.weight = nn.init.kaiming_uniform_(weight, a=math.sqrt(5))
    else:
        layer.weight.copy_(nn.init.normal_(weight, 0.0, 0.01))
    if layer.bias is not None:
        bound = 1 / math.sqrt(weight[0].numel())
        nn.init.uniform_(layer.bias, -bound, bound)


def _convolution(inputs: int, outputs: int, dilation: int, padding: Padding) -> nn.Module:
    if padding == "causal":
        return CausalConv1d(inputs, outputs, KERNEL_SIZE, dilation=dilation)
    return nn.Conv1d(inputs, outputs, KERNEL_SIZE, padding="same", dilation=dilation)
