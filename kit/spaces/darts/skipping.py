"""A network that does not see the first positions of its inputs' last axis."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from torch import Tensor, nn

N = TypeVar("N", bound=nn.Module)


class Skipping(nn.Module, Generic[N]):
    """A network for maps that are ``skip`` positions longer than those it is for.

    NAS-Bench-360 leaves out the first frame of FSD50K's spectrograms, so that 100 can be halved
    twice.

    Args:
        network: of which ``network`` is the name here.
        skip: how many.
    """

    network: N

    def __init__(self, network: N, skip: int) -> None:
        super().__init__()
        self.network = network
        self.skip = skip

    def forward(self, x: Tensor) -> Any:
        """Call the network with (batch, channels, *sizes) less the first positions."""
        return self.network(x[..., self.skip :])
