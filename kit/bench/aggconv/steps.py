"""What is timed: a forward and a backward pass of an AggConv, and the work between two of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from kit.bench.aggconv.cases import AggConvCase, supports
from kit.ops import METHODS, agg_conv

PLAIN = "plain-convolution"
"""Not an AggConv: one convolution with the largest kernel size, undilated, as a unit of time."""


def step(
    case: AggConvCase, method: str, *, memory: str = "fast", device: str = "cpu"
) -> Callable[[], tuple[torch.Tensor, ...]]:
    """Return a function that takes a forward and a backward pass and returns the gradients.

    The gradients are of x, alpha and all weights, in float32; of `PLAIN`, of x and its weight.

    Raises:
        ValueError: an unknown method, or one that cannot compute the case.
    """
    draw = torch.Generator().manual_seed(0)
    axes = len(case.sizes)

    def tensor(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=draw).to(device).requires_grad_()

    x = tensor(case.batch, case.channels, *case.sizes)
    upstream = torch.ones(case.batch, case.outputs, *[-(-n // case.stride) for n in case.sizes])
    upstream = upstream.to(device)
    lines = case.channels // case.groups
    if method == PLAIN:
        k = max(case.kernel_sizes)
        weight = tensor(case.outputs, lines, *[k] * axes)
        convolution = F.conv1d if axes == 1 else F.conv2d

        def plain() -> tuple[torch.Tensor, ...]:
            y = convolution(x, weight, None, case.stride, k // 2, 1, case.groups)
            return torch.autograd.grad(y, [x, weight], upstream)

        return plain
    if method not in (*METHODS, "auto", "autotune") or not supports(case, method):
        raise ValueError(f"method {method!r} does not serve the case {case.name!r}")
    weights = [
        tensor(case.outputs, lines, *[k] * axes) for k in case.kernel_sizes for _ in case.dilations
    ]
    count = len(weights)
    alpha = torch.full((count,), 1.0 / count, device=device).requires_grad_()

    def mixed() -> tuple[torch.Tensor, ...]:
        y = agg_conv(
            x,
            weights,
            alpha,
            case.kernel_sizes,
            case.dilations,
            stride=case.stride,
            groups=case.groups,
            method=method,
            memory=memory,
        )
        return torch.autograd.grad(y, [x, alpha, *weights], upstream)

    return mixed


def other_layer(case: AggConvCase, device: str = "cpu") -> Callable[[], None]:
    """Return a function that takes a training step of a plain layer of the case's shape.

    It stands for the work between two calls of an AggConv in a network: a convolution, its batch
    norm and activation, their backward passes and the optimiser.
    """
    axes = len(case.sizes)
    convolution, norm = (nn.Conv1d, nn.BatchNorm1d) if axes == 1 else (nn.Conv2d, nn.BatchNorm2d)
    layer = nn.Sequential(
        convolution(case.channels, case.outputs, 3, case.stride, 1, bias=False),
        norm(case.outputs),
        nn.ReLU(),
    ).to(device)
    sgd = torch.optim.SGD(layer.parameters(), 0.01, momentum=0.9)
    x = torch.randn(case.batch, case.channels, *case.sizes, device=device)

    def train() -> None:
        sgd.zero_grad()
        layer(x).square().mean().backward()
        sgd.step()

    return train
