"""AggConv on a GPU beside the CPU."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kit.ops import METHODS, agg_conv

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]
KERNEL_SIZES, DILATIONS = (3, 5), (1, 3)


def result(method: str, device: str, dtype: torch.dtype, axes: int, depthwise: bool) -> Tensor:
    """The answer and all gradients in one row, in float64 on the CPU."""
    draw = torch.Generator().manual_seed(0)

    def tensor(*shape: int) -> Tensor:
        made = torch.randn(shape, generator=draw, dtype=torch.float64)
        return made.to(device, dtype).requires_grad_()

    lines = 1 if depthwise else 4
    x, alpha = tensor(3, 4, *(11, 9)[:axes]), tensor(4)
    weights = [tensor(4, lines, *[k] * axes) for k in KERNEL_SIZES for _ in DILATIONS]
    groups = 4 if depthwise else 1
    y = agg_conv(x, weights, alpha, KERNEL_SIZES, DILATIONS, groups=groups, method=method)
    found = [y, *torch.autograd.grad(y.square().sum(), [x, alpha, *weights])]
    return torch.cat([each.detach().flatten() for each in found]).cpu().double()


@pytest.mark.parametrize("depthwise", [False, True], ids=["dense", "depthwise"])
@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("method", [*METHODS, "auto", "autotune"])
def test_all_forms_compute_what_the_cpu_computes(method: str, axes: int, depthwise: bool) -> None:
    if method == "toeplitz" and not (axes == 1 and depthwise):
        pytest.skip("serves depthwise convolutions on one axis")
    expected = result("mixed-results", "cpu", torch.float64, axes, depthwise)
    for dtype, bound in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
        found = result(method, "cuda", dtype, axes, depthwise)
        assert (found - expected).abs().max() < bound * expected.abs().max()
