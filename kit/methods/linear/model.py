"""The linear model."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kit.data.folds import Fold
from kit.methods.linear.info import Features


class Linear(nn.Module):
    """A linear map of standardised features: softmax, logistic or least squares, by the loss.

    A sample's answer comes from all of its features. A position's answer (dense tasks) comes from
    the neighbourhood of that position, by one filter for all positions.

    Args:
        input_shape: (channels, *spatial).
        outputs: classes, labels, or channels.
        features: what the linear map is applied to, see ``LinearSettings``.
        kernel_size: side of the neighbourhood; None for the whole sample.
    """

    shift: Tensor
    scale: Tensor

    def __init__(
        self,
        input_shape: tuple[int, ...],
        outputs: int,
        features: Features,
        kernel_size: int | None,
    ) -> None:
        super().__init__()
        self.dims, self.features = len(input_shape) - 1, features
        shape = self._features(torch.zeros(1, *input_shape)).shape[1:]
        if kernel_size is None:
            self.map: nn.Module = nn.Linear(shape.numel(), outputs)
        else:
            shape = torch.Size([shape[0], *[1] * self.dims])
            convolution = nn.Conv1d if self.dims == 1 else nn.Conv2d
            self.map = convolution(shape[0], outputs, kernel_size, padding="same")
        self.register_buffer("shift", torch.zeros(shape))
        self.register_buffer("scale", torch.ones(shape))
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, outputs), or (batch, outputs, *spatial) of a dense task."""
        features = (self._features(x) - self.shift) / self.scale
        flat = isinstance(self.map, nn.Linear)
        answer: Tensor = self.map(features.flatten(1) if flat else features)
        return answer

    def standardise(self, fold: Fold, batch_size: int) -> None:
        """Set the mean and deviation of each feature; those of a dense task are one per channel."""
        shared = [0, *(axis + 1 for axis, size in enumerate(self.shift.shape) if size == 1)]
        sums = torch.zeros(2, *self.shift.shape, dtype=torch.float64, device=self.shift.device)
        count = 0
        for batch in fold.batches(batch_size):
            values = self._features(batch.x).double()
            sums[0] += values.sum(shared, keepdim=True)[0]
            sums[1] += values.square().sum(shared, keepdim=True)[0]
            count += values.numel() // self.shift.numel()
        mean, square = sums / count
        deviation = (square - mean.square()).clamp(min=0).sqrt()
        self.shift.copy_(mean)
        # A constant feature is only shifted, and so becomes zero.
        self.scale.copy_(torch.where(deviation > 1e-6, deviation, 1.0))

    def _features(self, x: Tensor) -> Tensor:
        if self.features == "values":
            return x
        return torch.fft.rfftn(x, dim=tuple(range(-self.dims, 0))).abs().log1p()
