from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kit.ops.shapes import Shapes

two = np.int64(2)
Call = Callable[[Tensor], Tensor]
CALLS: dict[str, Call] = {
    "conv": lambda x: F.conv2d(x, x.new_ones(6, 3, 3, 2)),
    "conv, strides": lambda x: F.conv2d(x, x.new_ones(6, 3, 3, 2), None, (2, 3), (1, 2), (2, 1)),
    "conv, lists of one": lambda x: F.conv2d(x, x.new_ones(6, 3, 3, 2), None, [2], [1], [2]),
    "conv, groups": lambda x: F.conv2d(x, x.new_ones(6, 1, 3, 2), x.new_ones(6), 1, 1, 1, 3),
    "conv, same": lambda x: F.conv2d(x, x.new_ones(6, 3, 3, 3), None, 1, "same", 2),
    "conv, valid": lambda x: F.conv2d(x, x.new_ones(6, 3, 3, 3), None, 2, "valid"),
    "conv, one sample": lambda x: F.conv2d(x[0], x.new_ones(6, 3, 3, 3), None, 2),
    "conv, words": lambda x: F.conv2d(input=x, weight=x.new_ones(6, 3, 1, 1), stride=2),
    "conv, one axis": lambda x: F.conv1d(x[..., 0], x.new_ones(6, 3, 3), None, 2, 1, 2),
    "module": lambda x: nn.Conv2d(3, 4, 3, 2, 1, device=x.device)(x),
    "sum": lambda x: x + x[:1, :1, 0] * 2.0,
    "sum with a number": lambda x: 1 - x / 3,
    "sum by word": lambda x: x.add(other=x[:1, :, :1]),
    "sum times": lambda x: x.add(x[:1, :, :1], alpha=2),
    "sum of types": lambda x: x + x.double()[:1],
    "sum of whole numbers": lambda x: torch.arange(5, device=x.device) * 0.5,
    "sum of complex numbers": lambda x: torch.view_as_real(torch.fft.rfft(x) * x[..., :4]),
    "nothing": lambda x: x[:, :0] + x[:, :1],
    "cat": lambda x: torch.cat([x, x, x[:, :1]], 1),
    "cat, last": lambda x: torch.cat((x, x), -1),
    "cat by words": lambda x: torch.cat(tensors=[x, x], dim=2),
    "cat by one word": lambda x: torch.cat([x, x[..., :2]], dim=-1),
    "cat with nothing": lambda x: torch.cat([x, x.new_empty(0)], 1),
    "cat after nothing": lambda x: torch.cat([x.new_empty(0), x], 1),
    "norm, in another order": lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (3,)).view(2, -1),
    "a part": lambda x: F.relu(x[:, :, :4]).view(2, -1),
    "repeated": lambda x: torch.tanh(x[:1].expand(5, 3, 8, 6)).view(-1),
    "sum, in another order": lambda x: (x.permute(0, 2, 3, 1) * 2).permute(0, 3, 1, 2).view(2, -1),
    "not the same": lambda x: (x.tanh().unsqueeze_(0), x)[1],
    "by a complex number": lambda x: torch.view_as_real(x * 1j),
    "of whole numbers": lambda x: torch.arange(5, device=x.device).exp(),
    "of truth": lambda x: (x > 0).exp(),
    "conv, stride of numpy": lambda x: F.conv2d(x, x.new_ones(6, 3, 3, 2), None, cast(int, two)),
    "conv of nothing": lambda x: F.conv2d(x[:, :0], x.new_ones(3, 0, 3, 3)),
    "linear": lambda x: F.linear(x, x.new_ones(7, x.shape[-1]), x.new_ones(7)),
    "linear by words": lambda x: F.linear(input=x, weight=x.new_ones(7, x.shape[-1])),
    "linear of a vector": lambda x: F.linear(x, x.new_ones(x.shape[-1])),
    "linear, in another order": lambda x: F.linear(
        x.permute(0, 2, 3, 1), x.new_ones(7, 3), x.new_ones(7)
    ).view(2, -1),
    "linear of a part": lambda x: F.linear(x[..., :2], x.new_ones(2, 7).T).view(2, -1),
    "mean": lambda x: x.mean(),
    "mean of no axis": lambda x: x.mean([]),
    "mean of all axes": lambda x: x.mean(None, keepdim=True),
    "mean, axis of numpy": lambda x: x.mean(cast(int, two)),
    "mean of one axis": lambda x: x.mean(-1).view(2, -1),
    "mean of a type": lambda x: x.mean(1, dtype=torch.float64),
    "mean, in another order": lambda x: x.permute(0, 2, 3, 1).mean((1, 2)),
    "mean of axes": lambda x: x.mean((1, -1), True),
    "mean by words": lambda x: x.mean(dim=2, keepdim=True),
    "resized": lambda x: F.interpolate(x, [4, 9], mode="bilinear", align_corners=True),
    "resized by a number": lambda x: F.interpolate(x, 5),
    "resized by words": lambda x: F.interpolate(input=x, scale_factor=2.0),
    "normed weights": lambda x: nn.utils.parametrizations.weight_norm(
        nn.Conv2d(3, 4, 3, device=x.device)
    )(x),
    "idle": lambda x: F.relu(input=F.dropout(F.hardtanh(F.gelu(x)), 0.5)).tanh().exp(),
    "norms": lambda x: F.layer_norm(F.batch_norm(x, None, None, training=True), x.shape[1:]),
}
WRONG: dict[str, Call] = {
    "conv, channels": lambda x: F.conv2d(x, x.new_ones(6, 4, 3, 3)),
    "conv, same and strides": lambda x: F.conv2d(x, x.new_ones(6, 3, 3, 3), None, 2, "same"),
    "conv, too small": lambda x: F.conv2d(x, x.new_ones(6, 3, 30, 3)),
    "conv, axes": lambda x: F.conv1d(x, x.new_ones(6, 3, 3, 3)),
    "mean of whole numbers": lambda x: x.long().mean(),
    "mean of whole numbers along an axis": lambda x: x.long().mean(1),
    "mean of an axis twice": lambda x: x.mean((1, -3)),
    "sum": lambda x: x + x[..., :2],
    "cat": lambda x: torch.cat([x, x[..., 0]], 1),
    "cat, sizes": lambda x: torch.cat([x, x[..., :2]], dim=1),
    "linear": lambda x: F.linear(x, x.new_ones(7, x.shape[-1] + 1)),
    "resized": lambda x: F.interpolate(x[0], [4, 9], mode="bilinear"),
}


@pytest.mark.parametrize("name", CALLS)
def test_shapes_are_torchs(name: str) -> None:
    wanted = CALLS[name](torch.rand(2, 3, 8, 6))
    with Shapes():
        found = CALLS[name](torch.empty(2, 3, 8, 6, device="meta"))
    assert found.is_meta
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_torch_says(name: str) -> None:
    for x in (torch.rand(2, 3, 8, 6), torch.empty(2, 3, 8, 6, device="meta")):
        with pytest.raises((RuntimeError, ValueError)), Shapes():
            WRONG[name](x)


@pytest.mark.parametrize("name", CALLS)
def test_numbers_stay_what_they_are(name: str) -> None:
    x = torch.rand(2, 3, 8, 6)
    torch.manual_seed(0)
    wanted = CALLS[name](x)
    torch.manual_seed(0)
    with Shapes():
        torch.testing.assert_close(CALLS[name](x), wanted, rtol=0, atol=0, equal_nan=True)


def test_an_axis_that_is_not_there() -> None:
    for x in (torch.rand(2, 3, 8, 6), torch.empty(2, 3, 8, 6, device="meta")):
        with pytest.raises(IndexError), Shapes():
            x.mean((1, 4))
