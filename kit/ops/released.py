"""AggConv as in the authors' released code, to compare with: its length rule and kernel."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from kit.ops.plan import ConvShape, candidates, extent


def released(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, conv: ConvShape, memory: str
) -> Tensor:
    """Fourier form as released: Kronecker dilation, full padding of every axis, plain autograd.

    The transform length is n + Dbar - 1 whatever its prime factors, and each kernel is dilated
    and padded to the common extent before it is added to the sum.
    """
    sizes, axes = conv.sizes, len(conv.sizes)
    dims = tuple(range(2, 2 + axes))
    common = extent(conv.kernel_sizes, conv.dilations)
    centre = (common - 1) // 2
    lengths = [n + common - 1 for n in sizes]

    kernel = weights[0].new_zeros(weights[0].shape[:2] + (common,) * axes)
    for candidate, weight, coefficient in zip(
        candidates(conv.kernel_sizes, conv.dilations), weights, alpha.unbind(), strict=True
    ):
        d = candidate.dilation
        one = weight.new_zeros((d,) * axes)
        one[(0,) * axes] = 1.0
        spread = torch.kron(weight, one)
        for axis in dims:
            spread = spread.narrow(axis, 0, d * (candidate.kernel_size - 1) + 1)
        left = centre + candidate.first
        right = common - left - spread.shape[-1]
        kernel = kernel + coefficient * F.pad(spread, (left, right) * axes)

    padded = F.pad(x, (centre, common - 1 - centre) * axes)
    spectrum = torch.fft.rfftn(padded, dim=dims, norm="ortho")
    for axis, length in zip(dims, lengths, strict=True):
        short = [0, 0] * (dims[-1] - axis) + [0, length - common]
        kernel = F.pad(kernel, short).flip(axis).roll((common + 1) // 2, axis)
    response = torch.fft.rfftn(kernel, dim=dims)
    if conv.groups == 1:
        product = torch.einsum("bi...,oi...->bo...", spectrum, response)
    else:
        product = spectrum * response[:, 0]
    result: Tensor = torch.fft.irfftn(product, lengths, dims, norm="ortho")
    for axis, n in zip(dims, sizes, strict=True):
        result = result.narrow(axis, centre, n)
    if conv.stride > 1:
        pool = F.avg_pool1d if axes == 1 else F.avg_pool2d
        result = pool(result, 1, conv.stride)
    return result
