"""Parameters and multiply-adds of a network, without allocating or running it."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


def parameters(network: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(weight.numel() for weight in network.parameters() if weight.requires_grad)


def multiply_adds(network: nn.Module, input_shape: Sequence[int]) -> int:
    """Return the multiply-adds of convolutions and linear layers for one sample.

    The network runs on torch's meta device: shapes only, no numbers.
    """
    total = 0

    def count(module: nn.Module, _: object, output: Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Linear):
            total += output.numel() * module.in_features
        elif isinstance(module, nn.Conv1d | nn.Conv2d):
            taps = math.prod(module.kernel_size) * module.in_channels // module.groups
            total += output.numel() * taps

    ghost = copy.deepcopy(network).to("meta").eval()
    for module in ghost.modules():
        module.register_forward_hook(count)
    with torch.no_grad():
        ghost(torch.empty(1, *input_shape, device="meta"))
    return total
