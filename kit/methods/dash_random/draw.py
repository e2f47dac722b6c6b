"""The draw: a kernel size and a dilation for each layer that DASH would search."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch

from kit.base import networks
from kit.base.method import NetworkContext
from kit.base.sizes import MetaContext
from kit.methods.dash_random.info import DashRandomSettings
from kit.ops.shapes import Shapes
from kit.search import Choices, searchable
from kit.seeding import generator


def choices(context: NetworkContext, settings: DashRandomSettings) -> Choices:
    """Return each layer's kernel size and dilation, drawn uniformly from K × D by the run's."""
    pairs = list(product(settings.sizes, settings.spacings))
    names = layers(context, settings)
    return dict(zip(names, draw(pairs, len(names), context.spec.seed), strict=True))


def draw(pairs: Sequence[tuple[int, int]], count: int, seed: int) -> list[tuple[int, int]]:
    """Return ``count`` of the pairs, drawn by the seed alone, with repetition."""
    return [pairs[at] for at in generator(seed, "architecture").integers(len(pairs), size=count)]


def layers(context: NetworkContext, settings: DashRandomSettings) -> list[str]:
    """Return the names of the layers that DASH searches in the backbone, in their order."""
    shapes_only = MetaContext(context.spec, context.task, settings)
    with torch.device("meta"), Shapes():
        backbone = networks.build(
            shapes_only,
            settings.backbone,
            variant="dash",
            width=settings.retrain.width,
            options=settings.backbone_options,
        )
        sample = torch.empty(1, *shapes_only.input_shape)
        return list(searchable.layers(backbone, sample, ("*",), searchable.EXCLUDED, True))
