"""Scores of untrained networks: trainability and expressivity.

Both are those of TE-NAS (Chen et al. 2021, sections 3.1.1 and 3.1.2) and work for any torch module.
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
"""The condition number where it is not defined, such as for a network that ignores its input."""
PARAMETRISED = "parametrizations.weight."
RELU = (torch.ops.aten.relu.default, torch.ops.aten.relu_.default)


def tangent_kernel(network: nn.Module, x: Tensor) -> Tensor:
    """Return the empirical neural tangent kernel of a batch, shape (batch, batch).

    Entry (i, j) is the inner product of the gradients of the summed outputs of samples i and j with
    respect to all trainable weights, without biases. All samples run through the network together:
    in training mode, a batch norm couples them, and the gradient of one passes through the others.

    Args:
        network: its mode, training or evaluation, is not changed.
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

        # All backward passes at once; row i of the identity selects the output of sample i.
        gradients = torch.vmap(row)(torch.eye(len(x), dtype=outputs.dtype, device=outputs.device))
    jacobian = torch.cat([each.flatten(1) for each in gradients], dim=1)
    return jacobian @ jacobian.T


def condition_number(kernel: Tensor) -> float:
    """Return the largest eigenvalue of a symmetric matrix over the smallest; lower is better.

    Rounding can make the smallest eigenvalue, and so the quotient, negative. An infinite quotient
    becomes the largest float, so that differences are finite; an undefined one, as of a matrix with
    entries that are not finite, becomes ``UNDEFINED``.
    """
    if not bool(kernel.isfinite().all()):
        return UNDEFINED
    values = torch.linalg.eigvalsh(kernel.detach().cpu())
    return float(np.nan_to_num((values[-1] / values[0]).item(), nan=UNDEFINED))


def linear_regions(network: nn.Module, batches: Iterable[Tensor]) -> int:
    """Return the number of linear regions of a network in which the samples of all batches lie.

    The region of a sample is the pattern of which ReLU outputs are positive, over all feature maps
    of a forward pass, which are the tensors with as many axes as the inputs.

    Args:
        network: its mode, training or evaluation, is not changed.
        batches: inputs (batch, channels, *spatial) of one shape, except for the batch size.
    """
    regions: set[bytes] = set()
    for x in batches:
        with torch.no_grad(), _Patterns(x.ndim) as recorder:
            network(x)
        if recorder.patterns:
            bits = torch.cat(recorder.patterns, dim=1).cpu().numpy()
            regions.update(row.tobytes() for row in np.packbits(bits, axis=1))
    return len(regions)


class _Patterns(TorchDispatchMode):
    """Records which outputs of every ReLU on feature maps are positive, however it is called.

    Args:
        axes: number of axes of feature maps.
    """

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
