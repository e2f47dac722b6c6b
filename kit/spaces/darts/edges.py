"""All edges of a supernet's cell that read one state, computed together.

DARTS's code has one module per operation and edge. The results here are the same, with fewer calls:

- a depthwise convolution and the convolution of size 1 after it are one convolution, whose weights
  are the products of both;
- edges that read the same state share its ReLU, its poolings and their normalisation, and each kind
  of convolution is computed for all edges at once, with their channels side by side;
- the weights of the mixture are the scale of the last normalisation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.spaces.names import OPERATIONS
from kit.spaces.operations import Reduction, pool, shift

# Operation -> kernel size, dilation.
DILATED = {"dil_conv_3x3": (3, 2), "dil_conv_5x5": (5, 2)}
SEPARABLE = {"sep_conv_3x3": (3, 1), "sep_conv_5x5": (5, 1)}
CONVOLUTIONS = {**SEPARABLE, **DILATED}
POOLINGS = ("max_pool_3x3", "avg_pool_3x3")
# With fewer channels per group, a grouped convolution is slower than a full one padded with zeros.
FEWEST_PER_GROUP = 8


class ScaledNorm(nn.Module):
    """Batch normalisation without parameters, times a given factor for each channel.

    Args:
        channels: number of channels.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor, scale: Tensor | None = None) -> Tensor:
        """(batch, channels, *sizes) and (channels,) -> (batch, channels, *sizes)."""
        return F.batch_norm(
            x, self.running_mean, self.running_var, weight=scale, training=self.training
        )


def weight(*shape: int, taps: int) -> nn.Parameter:
    """Return initial weights with torch's distribution for convolutions.

    Args:
        shape: shape of the weights.
        taps: fan-in: how many products an output sums up.
    """
    bound = 1 / math.sqrt(taps)
    return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound))


class EdgeWeights(nn.Module):
    """The weights of the convolutions of all edges of a cell, in the order of ``edges_by_source``.

    Attributes:
        depthwise: operation -> (edges, channels, *kernel). The second convolutions of a separable
            one have the key of the operation with ``_again``.
        pointwise: the same keys -> (edges, channels, channels).
        skips: the two halves of the reductions of the strided edges, each (strided edges, half of
            the channels, channels); empty if there are none.

    Args:
        edges: number of edges.
        strided: number of edges with stride 2.
        channels: number of channels of an edge's input and output.
        dims: 1 or 2.
    """

    def __init__(self, edges: int, strided: int, channels: int, dims: int) -> None:
        super().__init__()
        self.dims = dims
        self.depthwise, self.pointwise = nn.ParameterDict(), nn.ParameterDict()
        for name, (size, _) in CONVOLUTIONS.items():
            for key in (name, f"{name}_again") if name in SEPARABLE else (name,):
                kernel = [size] * dims
                self.depthwise[key] = weight(edges, channels, *kernel, taps=size**dims)
                self.pointwise[key] = weight(edges, channels, channels, taps=channels)
        halves = (channels // 2, channels - channels // 2) if strided else ()
        self.skips = nn.ParameterList(weight(strided, n, channels, taps=channels) for n in halves)

    def forward(self) -> dict[str, Tensor]:
        """Return the products of both weights, by key: (edges, channels, channels, *kernel)."""
        ones = (1,) * self.dims
        return {
            key: pointwise.view(*pointwise.shape, *ones) * self.depthwise[key].unsqueeze(1)
            for key, pointwise in self.pointwise.items()
        }


class EdgesOfSource(nn.Module):
    """The edges that read one state.

    Args:
        count: number of edges.
        channels: number of channels of their operations, a quarter of the state's.
        dims: 1 or 2.
        stride: stride of all edges.
        reduction: which positions a strided ``skip_connect`` reads.
    """

    def __init__(
        self, count: int, channels: int, dims: int, stride: int, reduction: Reduction
    ) -> None:
        super().__init__()
        self.count, self.channels, self.stride = count, channels, stride
        self.convolution = F.conv1d if dims == 1 else F.conv2d
        self.shifted = reduction == "shifted"
        self.pools = nn.ModuleList(pool(name, dims, stride) for name in POOLINGS)
        self.pool_norm = ScaledNorm(len(POOLINGS) * channels)
        self.inner_norms = nn.ModuleDict({name: ScaledNorm(count * channels) for name in SEPARABLE})
        names = [*CONVOLUTIONS, *(["skip_connect"] if stride == 2 else [])]
        self.norms = nn.ModuleDict({name: ScaledNorm(count * channels) for name in names})

    def forward(
        self, x: Tensor, mixture: Tensor, weights: Mapping[str, Tensor], skips: Sequence[Tensor]
    ) -> Tensor:
        """Return the mixtures of all edges.

        Args:
            x: (batch, channels, *sizes), the part of the state that goes through operations.
            mixture: (edges, 8), the weight of each operation on each edge.
            weights: what ``EdgeWeights`` returns, for these edges.
            skips: ``EdgeWeights.skips`` of these edges; empty without stride.

        Returns:
            (batch, edges, channels, *sizes / stride), rounded up.
        """
        x = x.contiguous()
        scales = {
            name: mixture[:, place].repeat_interleave(self.channels)
            for place, name in enumerate(OPERATIONS)
        }
        positive = x.relu()
        total = sum(
            (
                self.norms[name](self._convolved(name, positive, weights), scales[name])
                for name in CONVOLUTIONS
            ),
            torch.zeros((), dtype=x.dtype, device=x.device),
        )
        if skips:
            total = total + self.norms["skip_connect"](
                self._reduced(positive, skips), scales["skip_connect"]
            )
        return total.view(len(x), self.count, self.channels, *total.shape[2:]) + self._pooled(
            x, mixture
        )

    def _convolved(self, name: str, x: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """Return an operation with convolutions on all edges, but for its last normalisation.

        The result is (batch, edges * channels, *sizes / stride).
        """
        size, dilation = CONVOLUTIONS[name]
        padding = dilation * (size - 1) // 2
        y = self.convolution(
            x, weights[name].flatten(0, 1), None, self.stride, padding, dilation=dilation
        )
        if name not in SEPARABLE:
            return y
        y = self.inner_norms[name](y).relu_()
        again = weights[f"{name}_again"]
        groups = self.count
        if self.channels < FEWEST_PER_GROUP and groups > 1:
            again, groups = side_by_side(again), 1
        return self.convolution(y, again.flatten(0, 1), None, 1, padding, groups=groups)

    def _reduced(self, x: Tensor, skips: Sequence[Tensor]) -> Tensor:
        """Return the strided ``skip_connect`` of all edges, but for its normalisation."""
        halves = []
        for weights, source in zip(skips, (x, shift(x) if self.shifted else x), strict=True):
            kernel = weights.flatten(0, 1).view(-1, self.channels, *[1] * (x.dim() - 2))
            half = self.convolution(source, kernel, None, 2)
            halves.append(half.unflatten(1, (self.count, -1)))
        return torch.cat(halves, dim=2).flatten(1, 2)

    def _pooled(self, x: Tensor, mixture: Tensor) -> Tensor:
        """Return the mixture of the operations that are the same on all edges: pools, identity."""
        shared = [self.pool_norm(torch.cat([each(x) for each in self.pools], dim=1))]
        names = list(POOLINGS)
        if self.stride == 1:
            shared.append(x)
            names.append("skip_connect")
        stacked = torch.cat(shared, dim=1)
        # An index by a list would be copied to a GPU in each call, and the CPU would wait for that.
        columns = torch.stack([mixture[:, OPERATIONS.index(name)] for name in names], dim=1)
        mixed = columns @ stacked.view(len(x), len(names), -1)
        return mixed.view(len(x), self.count, self.channels, *stacked.shape[2:])


def side_by_side(weights: Tensor) -> Tensor:
    """Return the weights of a grouped convolution as those of a full one, with zeros elsewhere.

    (groups, outputs, inputs, *kernel) -> (groups, outputs, groups · inputs, *kernel).
    """
    groups = len(weights)
    places = torch.eye(groups, dtype=weights.dtype, device=weights.device)
    places = places.view(groups, 1, groups, *[1] * (weights.dim() - 2))
    return (places * weights.unsqueeze(2)).flatten(2, 3)
