"""The data transform of AggConv by products with constant matrices, for short axes."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from kit.ops.angles import angles, half_weights
from kit.ops.plan import ConvShape
from kit.ops.transform import Transform, plain_and_turned


class MatrixTransform(Transform):
    """Discrete Fourier transform by matrix products with constant matrices."""

    def __init__(self, conv: ConvShape, template: Tensor) -> None:
        self.sizes, self.lengths = conv.sizes, conv.lengths
        self.template = template
        self.frequencies = math.prod((*self.lengths[:-1], self.lengths[-1] // 2 + 1))
        self._analysis: dict[tuple[int, int], tuple[Tensor, ...]] = {}
        self._synthesis: dict[int, tuple[Tensor, ...]] = {}

    def _last(self, step: int) -> tuple[Tensor, Tensor]:
        """Return real and imaginary part of e^(-i f t) on the last axis, (N / 2 + 1, n) each."""
        length = self.lengths[-1]
        positions = torch.arange(0, self.sizes[-1], step, device="cpu")
        angle = angles(torch.arange(length // 2 + 1, device="cpu"), positions, length)
        real, imaginary = torch.cos(angle), -torch.sin(angle)
        if len(self.sizes) == 2:  # for complex data: all real parts, then all imaginary ones
            real, imaginary = torch.cat((real, -imaginary), 1), torch.cat((imaginary, real), 1)
        return real, imaginary

    def _first(self, step: int) -> Tensor:
        """Return e^(-i f t) on the first axis of two, (2 N_1, n_1): real, imaginary, real, ..."""
        height = self.lengths[0]
        positions = torch.arange(0, self.sizes[0], step, device="cpu")
        angle = angles(torch.arange(height, device="cpu"), positions, height)
        return torch.stack((torch.cos(angle), -torch.sin(angle)), 1).flatten(0, 1)

    def analysis(self, step: int, sign: int) -> tuple[Tensor, ...]:
        """Return the matrices for the first axis of two and for the last one, with three planes."""
        if (step, sign) not in self._analysis:
            real, imaginary = self._last(step)
            planes = (-imaginary, real, imaginary) if sign > 0 else (real, imaginary, -real)
            matrices = [torch.stack(planes, 1).flatten(0, 1)]
            if len(self.sizes) == 2:
                matrices.insert(0, self._first(step))
            self._analysis[step, sign] = self._converted(matrices)
        return self._analysis[step, sign]

    def synthesis(self, step: int) -> tuple[Tensor, ...]:
        """Return the inverse's matrices, transposed, for the first axis of two and for the last."""
        if step not in self._synthesis:
            weight = half_weights(self.lengths[-1])[:, None]
            matrices = [(torch.stack(self._last(step), 1) * weight[:, None]).flatten(0, 1).t()]
            if len(self.sizes) == 2:
                matrices.insert(0, self._first(step).t() / self.lengths[0])
            self._synthesis[step] = self._converted(matrices)
        return self._synthesis[step]

    def _converted(self, matrices: list[Tensor]) -> tuple[Tensor, ...]:
        """Return matrices in the type and on the device of the data."""
        return tuple(matrix.to(self.template).contiguous() for matrix in matrices)

    def analyse(self, x: Tensor, step: int, sign: int) -> tuple[Tensor, Tensor]:
        """See `Transform`."""
        batch, channels = x.shape[:2]
        planes = x.reshape(batch * channels, -1).t()
        *first, last = self.analysis(step, sign)
        if not first:
            product = last @ planes
        else:
            count, width = self.lengths[0], x.shape[3]
            rows = (first[0] @ planes.reshape(x.shape[2], -1)).view(count, 2 * width, -1)
            product = torch.bmm(last.expand(count, -1, -1), rows)
        return plain_and_turned(product.view(-1, 3, batch, channels), sign)

    def synthesise(self, spectrum: Tensor, step: int) -> Tensor:
        """See `Transform`."""
        batch, channels = spectrum.shape[2:]
        matrices = self.synthesis(step)
        if len(self.sizes) == 1:
            flat = spectrum.view(-1, batch * channels)
            return (flat.t() @ matrices[0].t()).view(batch, channels, -1)
        count, shape = self.lengths[0], [-(-n // step) for n in self.sizes]
        rows = torch.bmm(
            matrices[1].expand(count, -1, -1), spectrum.view(count, -1, batch * channels)
        )
        product = matrices[0] @ rows.view(2 * count, -1)
        product = product.view(-1, batch * channels).t().contiguous()
        return product.view(batch, channels, *shape)


@lru_cache(maxsize=64)
def matrix_transform(conv: ConvShape, dtype: torch.dtype, device: torch.device) -> MatrixTransform:
    """Return the transform of a convolution, whose matrices are kept for the next call."""
    return MatrixTransform(conv, torch.empty(0, dtype=dtype, device=device))
