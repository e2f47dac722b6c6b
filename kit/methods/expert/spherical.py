"""Spherical: the deeper of NAS-Bench-360's two spherical CNNs (Cohen et al., ICLR 2018).

One convolution from the sphere to SO(3), six on SO(3), the mean over all rotations, three linear
layers: whichever way the sphere is turned, the features stay the same up to sampling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kit.errors import KitError
from kit.methods.expert.layers import so3

CHANNELS = (8, 16, 16, 24, 24, 32, 64)
# Halvings of the bandwidth after each convolution, and the reach (radians) of its kernel.
HALVINGS = (0, 1, 1, 2, 2, 3, 3)
REACH = (16, 16, 8, 8, 4, 4, 2)
# Points of a kernel along alpha, and along gamma.
POINTS = 6


class Convolution(nn.Module):
    """Correlation of signals on the sphere, or on SO(3), with kernels of a few points.

    Weights are of order one and scaled in the forward pass, as Adam's steps are of one size.

    Args:
        inputs: channels.
        outputs: channels.
        bandwidths: of the input and of the output.
        reach: angle beta of the kernel's points from the identity, in radians.
        sphere: whether the inputs are signals on the sphere.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        bandwidths: tuple[int, int],
        reach: float,
        *,
        sphere: bool = False,
    ) -> None:
        super().__init__()
        first, last = bandwidths
        self.bandwidth, self.sphere = last, sphere
        self.points = ring(reach) if sphere else near_identity(reach)
        self.kernel = nn.Parameter(torch.empty(inputs, outputs, len(self.points)).uniform_(-1, 1))
        self.bias = nn.Parameter(torch.zeros(1, outputs, 1, 1, 1))
        gain = 2 * first / last if sphere else (first / last) ** 1.5
        self.scale = gain / math.sqrt(len(self.points) * inputs)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, beta, alpha[, gamma]) -> (batch, outputs, beta, alpha, gamma)."""
        if x.is_meta:  # only the size is needed, not the tables of values
            return x.new_empty(len(x), self.kernel.shape[1], *[2 * self.bandwidth] * 3)
        functions = so3.point_functions(self.bandwidth, self.points, x.device)
        if self.sphere:
            spectrum = so3.s2_spectrum(x, self.bandwidth)
            functions = functions[..., self.bandwidth - 1 : self.bandwidth]
        else:
            spectrum = so3.so3_spectrum(x, self.bandwidth)
        weights = (self.kernel * self.scale).to(functions.dtype)
        kernel = torch.einsum("iop,plkn->iolkn", weights, functions)
        return so3.so3_signal(so3.correlate(spectrum, kernel)) + self.bias

    def multiply_adds(self, x: Tensor) -> int:
        """Return one signal's multiply-adds: n log2 n per transform, 4 per complex product."""
        inputs, outputs, _ = self.kernel.shape
        before = math.prod(x.shape[2:])
        total = inputs * before * math.log2(before)
        total += outputs * (2 * self.bandwidth) ** 3 * math.log2((2 * self.bandwidth) ** 3)
        for degree in range(self.bandwidth):
            orders = 2 * degree + 1
            known = (degree + 1) * (1 if self.sphere else orders)
            total += 2 * inputs * x.shape[2] * known
            total += 4 * inputs * outputs * known * orders
            total += 2 * outputs * 2 * self.bandwidth * (degree + 1) * orders
        return round(total)


class S2CNN(nn.Module):
    """The network; ``bandwidth`` is that of the first layer's output."""

    def __init__(self, channels: int, outputs: int, input_bandwidth: int, bandwidth: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before, width = input_bandwidth, channels
        for number, (wider, halvings, part) in enumerate(
            zip(CHANNELS, HALVINGS, REACH, strict=True)
        ):
            after = max(1, bandwidth >> halvings)
            reach = math.pi / part
            layers += [Convolution(width, wider, (before, after), reach, sphere=number == 0)]
            layers += [nn.ReLU()]
            before, width = after, wider
        self.convolutional = nn.Sequential(*layers)
        self.linear = nn.Sequential(
            nn.BatchNorm1d(64),
            nn.Linear(64, 64),
            nn.ReLU(),
            nn.BatchNorm1d(64),
            nn.Linear(64, 32),
            nn.ReLU(),
            nn.BatchNorm1d(32),
            nn.Linear(32, outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, beta, alpha) -> (batch, outputs)."""
        return self.linear(so3.mean(self.convolutional(x)))


def ring(reach: float) -> so3.Rotations:
    """Return the points of a kernel on the sphere: a ring around the north pole."""
    return tuple((_turn(number), reach, 0.0) for number in range(POINTS))


def near_identity(reach: float) -> so3.Rotations:
    """Return the points of a kernel on SO(3): rotations by ``reach``, and about the axis besides.

    The released grid lets alpha + gamma run from -2 pi to 2 pi with both ends, so that of the six
    values two are the same rotation.
    """
    return tuple(
        (_turn(number), reach, 2 * math.pi * (2 * step / (POINTS - 1) - 1) - _turn(number))
        for number in range(POINTS)
        for step in range(POINTS)
    )


def _turn(number: int) -> float:
    return 2 * math.pi * number / POINTS


def build(input_shape: Sequence[int], outputs: int, *, bandwidth: int = 30) -> S2CNN:
    """Return the network for (channels, 2b, 2b) samples: rings beta, then alpha.

    Raises:
        KitError: ``bandwidth``, that of the first layer's output, is above b.
    """
    channels, rings, _ = input_shape
    if bandwidth > rings // 2:
        raise KitError(f"build.bandwidth = {bandwidth}: at most {rings // 2} for these samples")
    return S2CNN(channels, outputs, rings // 2, bandwidth)
