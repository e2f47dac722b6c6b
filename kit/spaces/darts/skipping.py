"""A network that ignores the first positions of the last axis of its inputs."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from torch import Tensor, nn

N = TypeVar("N", bound=nn.Module)


class Skipping(nn.Module, Generic[N]):
    """A network that ignores the first ``skip`` positions of the last axis.

    NAS-Bench-360 leaves out the first frame of FSD50K's spectrograms, so that the remaining 100 can
    be halved twice.

    Args:
        network: gets the rest of each input.
        skip: number of positions to ignore.
    """

    network: N

    def __init__(self, network: N, skip: int) -> None:
        super().__init__()
        self.network = network
        self.skip = skip

    def forward(self, x: Tensor) -> Any:
        """Return the network's output for (batch, channels, *sizes) without the first positions."""
        return self.network(x[..., self.skip :])
