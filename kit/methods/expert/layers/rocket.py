"""ROCKET: features of a series by many random convolutions (Dempster et al., 2020, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LENGTHS = (7, 9, 11)
# Most values to compute at a time on a CPU, so that they stay in its cache.
CPU_VALUES = 1 << 17


@dataclass(frozen=True)
class KernelGroup:
    """Kernels of one shape.

    Attributes:
        length: number of taps.
        dilation: distance of the taps.
        padding: zeros on each side of a series.
        part: their rows among all kernels, which are sorted by shape.
    """

    length: int
    dilation: int
    padding: int
    part: slice

    @property
    def count(self) -> int:
        """Number of kernels."""
        return self.part.stop - self.part.start

    def outputs(self, length: int) -> int:
        """Return the number of positions of a kernel on a series of some length."""
        return length + 2 * self.padding - (self.length - 1) * self.dilation


class Rocket(nn.Module):
    """Random convolutions of a series; the features are each one's maximum and share of positives.

    Kernels are drawn from torch's global generator and kept sorted by their shape, so that those of
    one shape are one product of matrices.

    Args:
        length: time steps of a series.
        count: number of kernels to draw.
    """

    weights: Tensor
    biases: Tensor

    def __init__(self, length: int, count: int) -> None:
        super().__init__()
        # On the CPU even if the device is meta, since the shapes decide on the cost.
        kind = torch.randint(len(LENGTHS), (count,), device="cpu")
        lengths = torch.tensor(LENGTHS, device="cpu")[kind]
        largest = ((length - 1) / (lengths - 1)).log2().clamp(min=0)
        dilations = (2 ** (torch.rand(count, device="cpu") * largest)).int()
        padded = torch.randint(2, (count,), device="cpu")
        shapes = torch.stack([lengths, dilations, padded * ((lengths - 1) * dilations // 2)])
        kinds, sizes = shapes.unique(dim=1, return_counts=True)
        self.groups: list[KernelGroup] = []
        start = 0
        for (taps, dilation, padding), size in zip(kinds.T.tolist(), sizes.tolist(), strict=True):
            self.groups.append(KernelGroup(taps, dilation, padding, slice(start, start + size)))
            start += size
        # Rows hold the taps, and zeros behind those of the shorter kernels.
        weights = torch.randn(count, max(LENGTHS))
        for group in self.groups:
            used = weights[group.part, : group.length]
            used -= used.mean(dim=1, keepdim=True)
            weights[group.part, group.length :] = 0
        self.register_buffer("weights", weights)
        self.register_buffer("biases", torch.rand(count) * 2 - 1)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1, length) -> (batch, 2 count): largest values, then shares of positive ones."""
        features = x.new_empty(x.shape[0], 2, len(self.biases))
        # A program that is exported is for batches of any size, and so takes them whole.
        whole = x.device.type != "cpu" or torch.compiler.is_exporting()
        for group in self.groups:
            parts = [(x[:, 0], features)]
            if not whole:
                size = max(1, CPU_VALUES // (group.outputs(x.shape[-1]) * group.count))
                parts = [*zip(x[:, 0].split(size), features.split(size), strict=True)]
            for series, rows in parts:
                values = self._convolve(series, group)
                rows[:, 0, group.part] = values.amax(1)
                rows[:, 1, group.part] = values.gt_(0).mean(1)
        return features.flatten(1)

    def multiply_adds(self, x: Tensor) -> int:
        """Return the multiply-adds for one series."""
        return sum(group.outputs(x.shape[-1]) * group.length * group.count for group in self.groups)

    def _convolve(self, series: Tensor, group: KernelGroup) -> Tensor:
        """(batch, length) -> (batch, outputs, kernels of the group)."""
        span = (group.length - 1) * group.dilation + 1
        windows = F.pad(series, (group.padding, group.padding)).unfold(1, span, 1)
        windows = windows[..., :: group.dilation]
        kernels = self.weights[group.part, : group.length]
        values = torch.addmm(self.biases[group.part], windows.reshape(-1, group.length), kernels.T)
        return values.view(series.shape[0], -1, len(kernels))
