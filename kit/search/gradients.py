"""How DASH's released code changes the gradients of alphas before a step; each part is optional."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch

from kit.ops import AggConv1d, AggConv2d
from kit.search import arguments, keeping
from kit.search.supernets import Mixture

Field = Literal["extent", "ten-kernel-sizes"]


class AlphaGradients:
    """Normalises the gradient of each layer's alpha and adds a penalty on large receptive fields.

    The gradient g of a layer becomes g / (scale (||g|| + 1e-8)) + penalty * field.

    Args:
        layers: the mixtures of a supernet.
        scale: ``grad_scale`` of the released code; 0 for no normalisation.
        penalty: 1e-5 in the paper (A.5.2); 0 for none.
        field: the receptive field of a candidate with kernel size k and dilation d: ``extent`` is
            d (k - 1) + 1 positions; ``ten-kernel-sizes`` is 10 k for any d, as in the released code
            for dense tasks.

    Raises:
        ValueError: ``field`` is none of these, a layer is no mixture, or ``scale`` or ``penalty``
            is no finite number of at least 0.
    """

    def __init__(
        self, layers: Iterable[Mixture], *, scale: float, penalty: float, field: Field
    ) -> None:
        arguments.check_words(Field, field=field)
        keeping.check_rates(scale=scale, penalty=penalty)
        layers = _listed(layers)
        self.scale = scale
        # Computed once, because copying a tensor to the device at every step would wait for it.
        self.penalties = [
            (layer.alpha, torch.tensor(_fields(layer, field)).to(layer.alpha) * penalty)
            for layer in layers
        ]

    def shape(self) -> None:
        """Change the gradients in place; to be called between the backward pass and the step."""
        for alpha, penalty in self.penalties:
            if alpha.grad is None:
                continue
            if self.scale:
                alpha.grad.div_(self.scale * (alpha.grad.norm() + 1e-8))
            alpha.grad.add_(penalty)


def _listed(layers: Iterable[Mixture]) -> list[Mixture]:
    """Return layers as a list.

    Raises:
        ValueError: they are no mixtures.
    """
    words = "layers are the mixtures of a supernet, such as mixtures(network).values(), not"
    try:
        result = list(layers)
    except TypeError:
        raise ValueError(f"{words} {type(layers).__name__}") from None
    for layer in result:
        if not isinstance(layer, AggConv1d | AggConv2d):
            raise ValueError(f"{words} {type(layer).__name__}")
    return result


def _fields(layer: Mixture, field: Field) -> list[float]:
    """Return the receptive field of each candidate of a layer, in the order of its alpha."""
    return [
        float(d * (k - 1) + 1 if field == "extent" else 10 * k)
        for k in layer.kernel_sizes
        for d in layer.dilations
    ]
