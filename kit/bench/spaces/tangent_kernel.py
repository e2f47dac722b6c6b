"""DARTS's space, untrained: the tangent kernel of a batch, which TE-NAS prunes by."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from kit.bench.spaces import SpaceCase
from kit.spaces.darts.prunable import PrunableSupernet
from kit.spaces.scores import tangent_kernel

OUTPUTS = 10


def sample_by_sample(network: nn.Module, x: Tensor) -> Tensor:
    """Return the kernel by one backward pass for each sample, as the released code does."""
    outputs = network(x).sum(dim=1)
    rows = []
    for number in range(len(x)):
        network.zero_grad(set_to_none=True)
        outputs[number].backward(retain_graph=True)
        gradients = [
            weight.grad.flatten()
            for name, weight in network.named_parameters()
            if name.endswith("weight") and weight.grad is not None
        ]
        rows.append(torch.cat(gradients))
    jacobian = torch.stack(rows)
    return jacobian @ jacobian.T


def kernel_step(
    form: Callable[[nn.Module, Tensor], Tensor], shape: tuple[int, ...], device: str
) -> Callable[[], Tensor]:
    """Return a function that makes the kernel of the whole supernet.

    Args:
        form: which way.
        shape: of a batch, (samples, channels, *sizes).
        device: ``cpu`` or ``cuda``.
    """
    torch.manual_seed(0)
    network = PrunableSupernet(shape[1], OUTPUTS, dims=len(shape) - 2).to(device)
    x = torch.randn(shape, device=device)
    return lambda: form(network, x)


def _case(*shape: int) -> SpaceCase:
    forms = {"sample by sample": sample_by_sample, "kit": tangent_kernel}
    return SpaceCase(
        f"tangent kernel, {' × '.join(map(str, shape))}",
        {name: partial(kernel_step, form, shape) for name, form in forms.items()},
    )


CASES = (_case(32, 3, 16, 16), _case(32, 3, 32, 32))
