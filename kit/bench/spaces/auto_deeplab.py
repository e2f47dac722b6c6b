"""Auto-DeepLab's space: whole search steps, of weights and of alphas and betas."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from kit.bench.auto_deeplab_reference import reference
from kit.bench.spaces import SpaceCase
from kit.spaces.auto_deeplab.layout import LAYERS
from kit.spaces.auto_deeplab.supernet import TrellisSupernet

Form = Callable[[TrellisSupernet], TrellisSupernet]
FORMS: dict[str, Form] = {"module by module": reference, "kit": lambda network: network}


def search_step(
    form: Form, shape: tuple[int, ...], sizes: dict[str, Any], device: str
) -> Callable[[], object]:
    """Return a function that takes one step of the weights and one of the architecture.

    Args:
        form: of the supernet.
        shape: of a batch, (samples, channels, h, w).
        sizes: arguments of the supernet.
        device: ``cpu`` or ``cuda``.
    """
    torch.manual_seed(0)
    network = form(TrellisSupernet(shape[1], 1, **sizes)).to(device)
    x = torch.randn(shape, device=device)
    weights, architecture = network.weights, network.architecture_parameters
    sgd = torch.optim.SGD(weights, 0.025, momentum=0.9, weight_decay=3e-4)
    adam = torch.optim.Adam(architecture, 0.003, weight_decay=1e-3)

    def gradients(held: list[nn.Parameter]) -> None:
        for each in held:
            each.requires_grad_(False)
        network.zero_grad(set_to_none=True)
        network(x).square().mean().backward()
        for each in held:
            each.requires_grad_(True)

    def step() -> None:
        gradients(architecture)
        sgd.step()
        gradients(weights)
        adam.step()

    return step


def _case(shape: tuple[int, ...], layers: int) -> SpaceCase:
    words, sizes = " × ".join(map(str, shape)), {"layers": layers}
    return SpaceCase(
        f"auto-deeplab, {layers} layers, {words}",
        {name: partial(search_step, form, shape, sizes) for name, form in FORMS.items()},
    )


# Half of the paper's search and all of it, fewer and smaller samples.
CASES = (_case((2, 3, 64, 64), 6), _case((2, 3, 64, 64), LAYERS))
