"""DARTS's space with partial channels: whole search steps, of weights and of the architecture."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from kit.bench.darts_reference import ReferenceSupernet
from kit.bench.spaces import SpaceCase
from kit.search import ExponentiatedGradient
from kit.spaces.darts.mixture import Mixtures
from kit.spaces.darts.supernet import DartsSupernet

FORMS: dict[str, type[nn.Module]] = {"module by module": ReferenceSupernet, "kit": DartsSupernet}
OUTPUTS = 10


def search_step(
    form: type[nn.Module], shape: tuple[int, ...], sizes: dict[str, Any], device: str
) -> Callable[[], object]:
    """Return a function that takes one step of the weights and one of the architecture.

    Args:
        form: of the supernet.
        shape: of a batch, (samples, channels, *sizes).
        sizes: arguments of the supernet.
        device: ``cpu`` or ``cuda``.
    """
    torch.manual_seed(0)
    mixtures = Mixtures()
    network = form(shape[1], OUTPUTS, mixtures=mixtures, dims=len(shape) - 2, **sizes).to(device)
    x = torch.randn(shape, device=device)
    architecture = list(mixtures.parameters())
    ids = {id(each) for each in architecture}
    weights = [each for each in network.parameters() if id(each) not in ids]
    sgd = torch.optim.SGD(weights, 0.1, momentum=0.9, weight_decay=3e-4)
    groups = [
        {"params": list(mixtures.alphas.values())},
        {"params": list(mixtures.betas.values()), "parts": list(mixtures.parts)},
    ]
    exponentiated = ExponentiatedGradient(groups, 0.1, 1e-5)

    def gradients(held: list[nn.Parameter]) -> None:
        for each in held:
            each.requires_grad_(False)
        network.zero_grad(set_to_none=True)
        y = network(x)
        labels = torch.zeros(len(y), *y.shape[2:], dtype=torch.long, device=device)
        F.cross_entropy(y, labels).backward()
        for each in held:
            each.requires_grad_(True)

    def step() -> None:
        gradients(architecture)
        nn.utils.clip_grad_norm_(weights, 5.0)
        sgd.step()
        gradients(weights)
        exponentiated.step()

    return step


def _case(name: str, shape: tuple[int, ...], **sizes: Any) -> SpaceCase:
    words = " × ".join(map(str, shape))
    return SpaceCase(
        f"darts {name}, {words}",
        {form: partial(search_step, made, shape, sizes) for form, made in FORMS.items()},
    )


# The sizes of the papers' searches, fewer samples.
CASES = (
    _case("2D", (8, 3, 32, 32)),
    _case("2D dense", (1, 3, 64, 64), dense=True),
    _case("1D", (8, 4, 500)),
)
