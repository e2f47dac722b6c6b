"""All candidate operations of all edges that leave a state, computed together.

They share their input, so each kind of operation is computed once: one convolution with a group for
each edge, one normalisation over all edges, and poolings once for all edges. The results equal
those of separate edges, bit for bit in float64 on a CPU, as sums are computed in the same order.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.spaces.operations import convolution

MOMENTUM = 0.1
"""The weight of the last batch in the running statistics."""


class CallNorm(nn.Module):
    """Batch norm without parameters, which normalises the maps of each call of a cell separately.

    Args:
        channels: number of channels of one call.
    """

    mean: Tensor
    var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("var", torch.ones(channels))

    def forward(self, x: Tensor, repeats: int = 1) -> Tensor:
        """(batch, calls, channels, h, w) -> the same shape.

        Args:
            x: maps of all calls, in the order in which they update the running statistics.
            repeats: number of equal calls that each call stands for; the running statistics are
                updated as often.
        """
        batch, calls, channels, *size = x.shape
        # Contiguous, because sums over other memory layouts are computed in another order.
        flat = x.reshape(batch, calls * channels, *size).contiguous()
        single = flat.numel() == flat.shape[1]  # of each channel: it has no variance
        if not self.training or single:
            mean, var = self.mean.repeat(calls), self.var.repeat(calls)
            return F.batch_norm(flat, mean, var).view_as(x)
        mean, var = flat.new_zeros(calls * channels), flat.new_ones(calls * channels)
        y = F.batch_norm(flat, mean, var, training=True, momentum=1.0)
        for running, current in ((self.mean, mean), (self.var, var)):
            for each in current.view(calls, channels):
                running.lerp_(each.to(running.dtype), 1 - (1 - MOMENTUM) ** repeats)
        return y.view_as(x)


class Candidates(nn.Module):
    """The candidate operations of the edges that leave one state.

    Args:
        channels: number of channels of the state.
        edges: number of edges that leave it.
    """

    def __init__(self, channels: int, edges: int) -> None:
        super().__init__()
        self.channels, self.edges = channels, edges
        many = channels * edges

        def depthwise(size: int, dilation: int = 1) -> nn.Module:
            return convolution(many, many, size, 2, dilation=dilation, groups=many)

        def pointwise(kinds: int) -> nn.Module:
            return convolution(kinds * many, kinds * many, 1, 2, groups=kinds * edges)

        # Channels are ordered by kind (sep 3, sep 5, dil 3, dil 5), edge, channel of the state.
        self.spread = nn.ModuleList(
            [depthwise(3), depthwise(5), depthwise(3, dilation=2), depthwise(5, dilation=2)]
        )
        self.blend = pointwise(4)
        self.separable_norm, self.dilated_norm = CallNorm(2 * many), CallNorm(2 * many)
        self.spread_again = nn.ModuleList([depthwise(3), depthwise(5)])
        self.blend_again = pointwise(2)
        self.separable_norm_again = CallNorm(2 * many)
        self.max_norm, self.mean_norm = CallNorm(channels), CallNorm(channels)

    def forward(self, x: Tensor, mixture: Tensor, repeats: int = 1) -> Tensor:
        """Return the weighted sum of the candidates on each edge.

        Args:
            x: (batch, calls, channels, h, w), the state.
            mixture: (edges, operations), weights of the operations.
            repeats: see ``CallNorm``.

        Returns:
            (batch, calls, edges, channels, h, w).
        """
        batch, calls, channels, *size = x.shape
        each = x.reshape(batch * calls, channels, *size)
        highest = F.max_pool2d(each, 3, stride=1, padding=1).view_as(x)
        mean = F.avg_pool2d(each, 3, stride=1, padding=1, count_include_pad=False).view_as(x)
        # These are the same on all edges.
        shared = [self.max_norm(highest, repeats), self.mean_norm(mean, repeats), x]
        results = [part.unsqueeze(2) for part in shared]
        for part in self._separable_and_dilated(x, repeats):
            results += part.view(batch, calls, 2, self.edges, channels, *size).unbind(2)
        # In the order of ``OPERATIONS``, of which the first one, ``none``, is left out.
        weights = mixture.t()[1:, :, None, None, None]
        mixed = weights[0] * results[0]
        for weight, part in zip(weights[1:], results[1:], strict=True):
            mixed = mixed + weight * part
        return mixed

    def _separable_and_dilated(self, x: Tensor, repeats: int) -> tuple[Tensor, Tensor]:
        """Return separable and dilated convolutions: (batch, calls, 2 x edges x channels, h, w).

        The channels of each are ordered by kernel size, 3 then 5, edge and channel of the state.
        """
        calls = x.shape[:2]
        active = x.flatten(0, 1).relu().repeat(1, self.edges, 1, 1)
        spread = torch.cat([layer(active) for layer in self.spread], dim=1)
        separable, dilated = self.blend(spread).unflatten(0, calls).chunk(2, dim=2)
        halves = self.separable_norm(separable, repeats).flatten(0, 1).relu().chunk(2, dim=1)
        again = [layer(half) for layer, half in zip(self.spread_again, halves, strict=True)]
        separable = self.blend_again(torch.cat(again, dim=1)).unflatten(0, calls)
        return self.separable_norm_again(separable, repeats), self.dilated_norm(dilated, repeats)
