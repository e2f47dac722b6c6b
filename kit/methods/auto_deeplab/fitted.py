"""Maps of any size for a network that wants sides of its own, and parts of a batch."""

from __future__ import annotations

from typing import Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

N = TypeVar("N", bound=nn.Module)


class Fitted(nn.Module, Generic[N]):
    """A network whose inputs are padded by zeros on all sides, and its answers cropped again.

    Args:
        network: any that answers at every position.
        multiple: of the sides that it sees; an odd number of zeros has one more before than after.
        swap_axes: whether the two axes of inputs change places, and those of answers do not; maps
            must be square then.
    """

    def __init__(self, network: N, multiple: int, *, swap_axes: bool = False) -> None:
        super().__init__()
        self.network, self.multiple, self.swap_axes = network, multiple, swap_axes

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, h, w) -> (batch, outputs, h, w)."""
        if self.swap_axes:
            x = x.mT
        height, width = x.shape[2:]
        rows, columns = (-height % self.multiple, -width % self.multiple)
        top, left = -(-rows // 2), -(-columns // 2)
        y: Tensor = self.network(F.pad(x, (left, columns - left, top, rows - top)))
        return y[:, :, top : top + height, left : left + width]


class AsTested(nn.Module):
    """A trained network in tests: some samples at a time, perhaps as in training.

    Args:
        network: not trained any more.
        size: samples at a time, 2 or more.
        training: whether norms take the statistics of these samples and dropout is on.
        seed: of the dropout, which falls alike in all parts.
    """

    def __init__(self, network: nn.Module, size: int, *, training: bool, seed: int) -> None:
        super().__init__()
        self.network, self.size, self.as_training, self.seed = network, size, training, seed

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, h, w) -> (batch, outputs, h, w)."""
        self.network.train(self.as_training)
        return torch.cat([self._part(part) for part in parts(x, self.size)])[: len(x)]

    def _part(self, x: Tensor) -> Tensor:
        if self.as_training:
            torch.manual_seed(self.seed)
        y: Tensor = self.network(x)
        return y


def parts(x: Tensor, size: int) -> list[Tensor]:
    """Return a batch in parts of so many samples; a single one left over joins those before.

    A batch of one sample comes twice, so that there is no part of one.
    """
    if len(x) == 1:
        return [torch.cat([x, x])]
    found = list(x.split(size))
    if len(found[-1]) == 1 and len(found) > 1:
        found[-2:] = [torch.cat(found[-2:])]
    return found
