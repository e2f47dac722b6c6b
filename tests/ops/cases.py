"""Random AggConv problems and an independent reference for them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from hypothesis import strategies as st
from torch import Tensor

from kit.ops import METHODS, agg_conv


@dataclass(frozen=True)
class Case:
    batch: int
    channels: int
    outputs: int
    sizes: tuple[int, ...]
    kernel_sizes: tuple[int, ...]
    dilations: tuple[int, ...]
    stride: int
    groups: int
    layout: str = "contiguous"

    def methods(self) -> tuple[str, ...]:
        """The methods that serve this kind of problem."""
        toeplitz = len(self.sizes) == 1 and self.groups == self.channels == self.outputs
        return tuple(name for name in METHODS if name != "toeplitz" or toeplitz)

    def tensors(
        self, dtype: torch.dtype = torch.float64, seed: int = 0
    ) -> tuple[Tensor, list[Tensor], Tensor]:
        draw = torch.Generator().manual_seed(seed)
        axes = len(self.sizes)
        shape = (self.batch, self.channels, *self.sizes)
        x = torch.randn(shape, generator=draw, dtype=torch.float64)
        if self.layout == "channels-last":
            x = x.movedim(1, -1).contiguous().movedim(-1, 1)
        elif self.layout == "strided":
            x = torch.stack((x, -x), -1)[..., 0]
        weights = [
            torch.randn(
                (self.outputs, self.channels // self.groups, *[k] * axes),
                generator=draw,
                dtype=torch.float64,
            )
            for k in self.kernel_sizes
            for _ in self.dilations
        ]
        alpha = torch.softmax(torch.randn(len(weights), generator=draw, dtype=torch.float64), 0)
        x = x.to(dtype).detach().requires_grad_()
        return (
            x,
            [w.to(dtype).requires_grad_() for w in weights],
            alpha.to(dtype).requires_grad_(),
        )

    def run(
        self,
        method: str,
        dtype: torch.dtype = torch.float64,
        memory: str = "fast",
        seed: int = 0,
    ) -> list[Tensor]:
        """Output, then the gradients of x, alpha and every weight for a fixed upstream gradient."""
        x, weights, alpha = self.tensors(dtype, seed)
        y = agg_conv(
            x,
            weights,
            alpha,
            self.kernel_sizes,
            self.dilations,
            stride=self.stride,
            groups=self.groups,
            method=method,
            memory=memory,
        )
        draw = torch.Generator().manual_seed(seed + 1)
        upstream = torch.randn(y.shape, generator=draw, dtype=torch.float64).to(dtype)
        gradients = torch.autograd.grad(y, [x, alpha, *weights], upstream)
        return [y.detach(), *gradients]

    def terms(self, expected: list[Tensor], seed: int = 0) -> float:
        """How much alpha's gradients are sums of: what cancels leaves its rounding behind."""
        _, weights, alpha = self.tensors(seed=seed)
        return max(
            float((weight * gradient / coefficient).detach().abs().sum())
            for weight, gradient, coefficient in zip(weights, expected[3:], alpha, strict=True)
        )


def relative_errors(found: list[Tensor], expected: list[Tensor], terms: float = 1.0) -> list[float]:
    """Largest error of each tensor over its largest value (all weights share one scale).

    Of alpha's gradients over what they are sums of, where that is given.
    """
    scale = max(float(t.abs().max()) for t in expected[3:])
    errors = []
    for index, (one, other) in enumerate(zip(found, expected, strict=True)):
        assert one.shape == other.shape
        unit = scale if index > 2 else float(other.abs().max())
        least = max(terms, 1.0) if index == 2 else 1.0
        errors.append(float((one.double() - other.double()).abs().max()) / max(unit, least))
    return errors


SIZES_1D = st.integers(1, 40)
SIZES_2D = st.integers(1, 14)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    axes = draw(st.sampled_from((1, 2)))
    sizes = tuple(draw(SIZES_1D if axes == 1 else SIZES_2D) for _ in range(axes))
    kernel_sizes = tuple(draw(st.lists(st.integers(1, 7), min_size=1, max_size=3, unique=True)))
    dilations = tuple(
        draw(st.lists(st.sampled_from((1, 2, 3, 4, 7, 15)), min_size=1, max_size=3, unique=True))
    )
    channels = draw(st.integers(1, 4))
    depthwise = draw(st.booleans())
    return Case(
        batch=draw(st.integers(1, 3)),
        channels=channels,
        outputs=channels if depthwise else draw(st.integers(1, 5)),
        sizes=sizes,
        kernel_sizes=kernel_sizes,
        dilations=dilations,
        stride=draw(st.sampled_from((1, 2))),
        groups=channels if depthwise else 1,
        layout=draw(st.sampled_from(("contiguous", "channels-last", "strided"))),
    )
