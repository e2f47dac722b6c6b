"""Wrappers of networks: padding of inputs to fit, and tests in parts of a batch."""

from __future__ import annotations

from typing import Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

N = TypeVar("N", bound=nn.Module)


class Fitted(nn.Module, Generic[N]):
    """A network whose inputs are padded by zeros on all sides and whose outputs are cropped again.

    Args:
        network: any with an output at every position.
        multiple: padded sides are multiples of it; of an odd number of zeros one more comes before.
        swap_axes: whether the two axes of inputs are swapped, but not those of outputs; maps must
            be square then.
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
    """A trained network for tests, run on parts of a batch, in evaluation or in training mode.

    Args:
        network: the trained network.
        size: samples per part, at least 2.
        training: whether norms use the statistics of the part and dropout is on.
        seed: of the dropout, which is the same in all parts.
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
    """Return a batch in parts of ``size`` samples, none of which has a single sample.

    A single sample that is left over joins the part before; one that is alone is repeated.
    """
    if len(x) == 1:
        return [torch.cat([x, x])]
    result = list(x.split(size))
    if len(result[-1]) == 1 and len(result) > 1:
        result[-2:] = [torch.cat(result[-2:])]
    return result
