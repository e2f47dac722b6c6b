"""Against the definition: output i reads the inputs from i * stride - left on, d apart."""

from __future__ import annotations

import pytest
import torch

from kit.methods.expert.layers.same import SameConv1d, same_max_pool1d
from kit.ops.convolutions import same_padding

CASES = [
    (n, k, s, d)
    for n in (1, 2, 5, 16, 250)
    for k in (1, 2, 3, 8)
    for s in (1, 2, 4)
    for d in (1, 3)
]


@pytest.mark.parametrize(
    ("length", "size", "stride", "dilation", "padding"),
    [
        (250, 4, 4, 1, (1, 1)),  # DeepSEA's second pooling: 63 windows, the first from -1
        (1000, 4, 4, 1, (0, 0)),
        (1000, 8, 1, 1, (3, 4)),
        (63, 4, 4, 1, (0, 1)),
        (10, 3, 2, 1, (0, 1)),
        (10, 3, 1, 2, (2, 2)),
        (10, 2, 1, 3, (1, 2)),
        (3, 1, 2, 1, (0, 0)),
    ],
)
def test_padding_of_known_cases(
    length: int, size: int, stride: int, dilation: int, padding: tuple[int, int]
) -> None:
    assert same_padding(length, size, stride, dilation) == padding


@pytest.mark.parametrize(("length", "size", "stride", "dilation"), CASES)
def test_convolution_reads_what_the_definition_says(
    length: int, size: int, stride: int, dilation: int
) -> None:
    convolution = SameConv1d(1, 1, size, stride, dilation=dilation, bias=False).double()
    x = torch.rand(1, 1, length, dtype=torch.float64)
    outputs = -(-length // stride)
    total = max(0, (outputs - 1) * stride + (size - 1) * dilation + 1 - length)
    expected = []
    for output in range(outputs):
        places = [output * stride - total // 2 + tap * dilation for tap in range(size)]
        taps = zip(places, convolution.weight[0, 0].tolist(), strict=True)
        expected.append(sum(w * float(x[0, 0, i]) for i, w in taps if 0 <= i < length))
    torch.testing.assert_close(
        convolution(x)[0, 0].detach(), torch.tensor(expected, dtype=torch.float64)
    )


@pytest.mark.parametrize("length", [1, 3, 4, 18, 63, 250])
@pytest.mark.parametrize("size", [2, 3, 4])
def test_pooling_takes_the_largest_of_what_is_there(length: int, size: int) -> None:
    x = -torch.rand(1, 2, length)  # negative: zeros around would win
    left = (-length % size) // 2
    pooled = same_max_pool1d(x, size)
    assert pooled.shape == (1, 2, -(-length // size))
    for window in range(pooled.shape[2]):
        begin = window * size - left
        part = x[:, :, max(0, begin) : begin + size]
        assert torch.equal(pooled[:, :, window], part.amax(2))
