"""Scores of untrained networks: how well they could be trained, how much they could tell apart.

Both are TE-NAS's (Chen et al. 2021, sections 3.1.1 and 3.1.2); they work for any torch module.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from kit.spaces.convolutions import BatchedBackward

UNDEFINED = 100_000.0
"""The condition number where there is none, as of a network that no input reaches."""
PARAMETRISED = "parametrizations.weight."
RELU = (torch.ops.aten.relu.default, torch.ops.aten.relu_.default)


def tangent_kernel(network: nn.Module, x: Tensor) -> Tensor:
    """Return the empirical neural tangent kernel of a batch, shape (batch, batch).

    Its entry i, j is the inner product of the gradients of the summed outputs of samples i and j
    with respect to all weights that learn; biases do not count. All samples run through the network
    together: in training mode a batch norm couples them, and a sample's gradient goes through the
    others.

    Args:
        network: in the mode in which it is to be looked at.
        x: inputs (batch, channels, *spatial).
    """
    weights = [
        weight
        for name, weight in network.named_parameters()
        if weight.requires_grad and (name.endswith("weight") or PARAMETRISED in name)
    ]
    with torch.enable_grad():
        with BatchedBackward():
            outputs = network(x).flatten(1).sum(dim=1)
        if not outputs.requires_grad or not weights:
            return outputs.new_zeros(len(x), len(x))

        def row(vector: Tensor) -> tuple[Tensor, ...]:
            return torch.autograd.grad(
                outputs, weights, vector, retain_graph=True, materialize_grads=True
            )

        # All backward passes as one; row i of the identity leaves the output of sample i alone.
        gradients = torch.vmap(row)(torch.eye(len(x), dtype=outputs.dtype, device=outputs.device))
    jacobian = torch.cat([each.flatten(1) for each in gradients], dim=1)
    return jacobian @ jacobian.T


def condition_number(kernel: Tensor) -> float:
    """Return the largest eigenvalue of a symmetric matrix over the smallest; low is good.

    Rounding can make the smallest one negative, and the quotient with it. Where it is infinite, it
    is the largest float, so that differences are numbers; where there is none, ``UNDEFINED``.
    """
    if not bool(kernel.isfinite().all()):
        return UNDEFINED
    values = torch.linalg.eigvalsh(kernel.detach().cpu())
    return float(np.nan_to_num((values[-1] / values[0]).item(), nan=UNDEFINED))


def linear_regions(network: nn.Module, batches: Iterable[Tensor]) -> int:
    """Return how many linear regions of a network's ReLUs the samples of all batches lie in.

    A region is the pattern of which ReLUs let a sample through, over all feature maps of a forward
    pass: those with as many axes as the inputs.

    Args:
        network: in the mode in which it is to be looked at.
        batches: inputs (batch, channels, *spatial), of one shape but for the first axis.
    """
    regions: set[bytes] = set()
    for x in batches:
        with torch.no_grad(), _Patterns(x.ndim) as seen:
            network(x)
        if seen.patterns:
            bits = torch.cat(seen.patterns, dim=1).cpu().numpy()
            regions.update(row.tobytes() for row in np.packbits(bits, axis=1))
    return len(regions)


class _Patterns(TorchDispatchMode):
    """Notes what every ReLU on feature maps lets through, however the network calls it."""

    def __init__(self, axes: int) -> None:
        super().__init__()
        self.axes = axes
        self.patterns: list[Tensor] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any | None = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        if func in RELU and output.ndim == self.axes:
            self.patterns.append((output > 0).flatten(1))
        return output
