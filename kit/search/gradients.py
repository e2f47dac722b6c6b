"""What the released code does to alpha's gradients before a step, switch by switch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

import torch

from kit.search.supernets import Mixture

Field = Literal["extent", "ten-kernel-sizes"]


class AlphaGradients:
    """Normalises alpha's gradient per layer, then adds a penalty on large receptive fields.

    g <- g / (scale (||g|| + 1e-8)) + penalty * field

    Args:
        layers: the mixtures of a supernet.
        scale: ``grad_scale`` of the released code; 0 leaves gradients as they are.
        penalty: 1e-5 in the paper (A.5.2); 0 for none.
        field: ``extent`` is d (k - 1) + 1; ``ten-kernel-sizes`` is 10 k whatever d, as the
            released code has it for dense tasks.

    Raises:
        ValueError: the field is another.
    """

    def __init__(
        self, layers: Iterable[Mixture], *, scale: float, penalty: float, field: Field
    ) -> None:
        if field not in get_args(Field):
            raise ValueError(f"field is one of {', '.join(get_args(Field))}, not {field!r}")
        self.scale = scale
        # Made once: a tensor from the host at every step would wait for the device.
        self.penalties = [
            (layer.alpha, torch.tensor(_fields(layer, field)).to(layer.alpha) * penalty)
            for layer in layers
        ]

    def shape(self) -> None:
        """Shape the gradients in place; to be called between backward pass and step."""
        for alpha, penalty in self.penalties:
            if alpha.grad is None:
                continue
            if self.scale:
                alpha.grad.div_(self.scale * (alpha.grad.norm() + 1e-8))
            alpha.grad.add_(penalty)


def _fields(layer: Mixture, field: Field) -> list[float]:
    return [
        float(d * (k - 1) + 1 if field == "extent" else 10 * k)
        for k in layer.kernel_sizes
        for d in layer.dilations
    ]
