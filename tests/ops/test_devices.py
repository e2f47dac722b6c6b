"""Every way to compute an AggConv on a pretended GPU: on one device, and without waiting for it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kit.ops import agg_conv
from kit.ops.methods import METHODS
from tests.pretended_gpu import GPU, pretended_gpu

KERNEL_SIZES, DILATIONS = (3, 5), (1, 3)
SHAPES = {"1D": (2, 4, 40), "2D": (2, 4, 12, 12)}


@pytest.mark.parametrize("memory", ["fast", "small"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("how", METHODS)
def test_a_step(
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    shape: tuple[int, ...],
    groups: int,
    stride: int,
    memory: str,
) -> None:
    if how == "toeplitz" and (len(shape) > 3 or groups == 1):
        pytest.skip("'toeplitz' is for depthwise layers on one axis")
    torch.manual_seed(0)
    x, alpha = torch.randn(shape), torch.rand(4)
    kernels = [[k] * (len(shape) - 2) for k in KERNEL_SIZES for _ in DILATIONS]
    weights = [torch.randn(4, 4 // groups, *kernel) for kernel in kernels]

    def step(device: str | torch.device) -> list[Tensor]:
        leaves = [each.to(device).detach().requires_grad_() for each in (x, alpha, *weights)]
        waits.clear()
        y = agg_conv(
            leaves[0],
            leaves[2:],
            leaves[1],
            KERNEL_SIZES,
            DILATIONS,
            stride=stride,
            groups=groups,
            method=how,
            memory=memory,
        )
        y.square().sum().backward()
        assert all(each.grad is not None and each.grad.device == each.device for each in leaves)
        return [y.detach(), *(each.grad for each in leaves if each.grad is not None)]

    with pretended_gpu(monkeypatch) as waits:
        on_cpu = step("cpu")
        step(GPU)  # it makes constants, which the next one finds
        on_gpu = step(GPU)
        assert not waits
        for one, other in zip(on_gpu, on_cpu, strict=True):
            assert one.device == GPU
            assert torch.equal(one.cpu(), other)
