"""Perceiver IO: latent vectors attend to the input and to each other; queries attend to them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def fourier_features(spatial: Sequence[int], bands: int) -> Tensor:
    """Return positions in -1..1 with their sines and cosines (Perceiver, section 3.2).

    Args:
        spatial: size of each axis.
        bands: frequencies per axis, from 1 to half the axis' size.

    Returns:
        (positions, axes * (1 + 2 * bands)).
    """
    axes = [torch.linspace(-1, 1, size) for size in spatial]
    place = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, -2)
    frequencies = torch.stack([torch.linspace(1, size / 2, bands) for size in spatial])
    angles = (math.pi * place[:, :, None] * frequencies).flatten(1)
    return torch.cat([place, angles.sin(), angles.cos()], dim=1)


class Attention(nn.Module):
    """Multi-head attention, with the initial weights of torch's ``MultiheadAttention``.

    It is made of linear layers so that its multiply-adds are counted. Torch draws projections of
    equal size as a single matrix, within narrower bounds than three separate ones.
    """

    def __init__(self, channels: int, inputs: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(channels, channels)
        self.key, self.value = nn.Linear(inputs, channels), nn.Linear(inputs, channels)
        self.out = nn.Linear(channels, channels)
        together = 3 if inputs == channels else 1
        for projection in (self.query, self.key, self.value):
            bound = math.sqrt(6 / (projection.in_features + together * channels))
            nn.init.uniform_(projection.weight, -bound, bound)
        for linear in (self.query, self.key, self.value, self.out):
            nn.init.zeros_(linear.bias)

    def forward(self, queries: Tensor, inputs: Tensor) -> Tensor:
        """(batch, queries, channels), (batch, inputs, features) -> (batch, queries, channels)."""
        parts = (self.query(queries), self.key(inputs), self.value(inputs))
        heads = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        result = F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
        answer: Tensor = self.out(result)
        return answer


class AttentionBlock(nn.Module):
    """Normalised attention, then a normalised perceptron, both added to the queries.

    Args:
        channels: width of the queries and of what is returned.
        inputs: features of the vectors that are read; None for the queries themselves.
        heads: how many attend side by side; they divide the channels.
    """

    def __init__(self, channels: int, inputs: int | None, heads: int) -> None:
        super().__init__()
        self.query_norm = nn.LayerNorm(channels)
        self.input_norm = None if inputs is None else nn.LayerNorm(inputs)
        self.attention = Attention(channels, inputs or channels, heads)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, channels),
            nn.GELU(),
            nn.Linear(channels, channels),
        )

    def forward(self, queries: Tensor, inputs: Tensor | None = None) -> Tensor:
        """See ``Attention``."""
        asked = self.query_norm(queries)
        read = asked if self.input_norm is None else self.input_norm(inputs)
        result: Tensor = queries + self.attention(asked, read)
        return result + self.perceptron(result)


class PerceiverLayer(nn.Module):
    """Cross-attention of the latent vectors to the input, then self-attention among them."""

    def __init__(self, channels: int, inputs: int, heads: int, self_attentions: int) -> None:
        super().__init__()
        self.cross = AttentionBlock(channels, inputs, heads)
        self.selves = nn.Sequential(
            *(AttentionBlock(channels, None, heads) for _ in range(self_attentions))
        )

    def forward(self, latents: Tensor, inputs: Tensor) -> Tensor:
        """(batch, latents, channels), (batch, inputs, features) -> (batch, latents, channels)."""
        result: Tensor = self.selves(self.cross(latents, inputs))
        return result


class Perceiver(nn.Module):
    """Perceiver IO for inputs of one shape; larger maps of a dense task are cut into windows.

    Args:
        input_shape: (channels, *spatial).
        outputs: classes, labels, or channels of a dense task's answer.
        dense: whether every position has an output.
        per_position: whether each position of a dense task has its own query, instead of a single
            query for all.
        latents, channels, layers, self_attentions, heads, bands: as in ``PerceiverSettings``.
    """

    positions: Tensor

    def __init__(
        self,
        input_shape: Sequence[int],
        outputs: int,
        *,
        dense: bool,
        per_position: bool,
        latents: int,
        channels: int,
        layers: int,
        self_attentions: int,
        heads: int,
        bands: int,
    ) -> None:
        super().__init__()
        self.spatial, self.outputs, self.dense = tuple(input_shape[1:]), outputs, dense
        self.layers = layers
        self.register_buffer("positions", fourier_features(self.spatial, bands), persistent=False)
        features = input_shape[0] + self.positions.shape[1]
        self.latents = nn.Parameter(torch.empty(latents, channels))
        self.first = PerceiverLayer(channels, features, heads, self_attentions)
        self.later = (
            PerceiverLayer(channels, features, heads, self_attentions) if layers > 1 else None
        )
        self.ask: nn.Linear | None = None
        answers = outputs
        if dense and per_position:
            self.ask = nn.Linear(features, channels)
        elif dense:
            answers *= math.prod(self.spatial)
        self.query = nn.Parameter(torch.empty(1, channels))
        self.decoder = AttentionBlock(channels, channels, 1)
        self.answer = nn.Linear(channels, answers)
        for drawn in (self.latents, self.query):
            nn.init.trunc_normal_(drawn, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, *spatial) -> (batch, outputs), or (batch, outputs, *spatial)."""
        if self.dense and tuple(x.shape[2:]) != self.spatial:
            return self._windows(x)
        batch = x.shape[0]
        values = x.flatten(2).transpose(1, 2)
        inputs = torch.cat([values, self.positions.expand(batch, -1, -1)], dim=2)
        latents = self.first(self.latents.expand(batch, -1, -1), inputs)
        for _ in range(self.layers - 1):
            assert self.later is not None
            latents = self.later(latents, inputs)
        queries = self.query.expand(batch, -1, -1)
        if self.ask is not None:
            queries = queries + self.ask(inputs)
        answers: Tensor = self.answer(self.decoder(queries, latents))
        if not self.dense:
            return answers[:, 0]
        if self.ask is not None:
            answers = answers.transpose(1, 2)
        return answers.reshape(batch, self.outputs, *self.spatial)

    def _windows(self, x: Tensor) -> Tensor:
        """Pad a map of any size by zeros, cut it into windows, and join their outputs."""
        sizes = x.shape[2:]
        rests = [-size % side for size, side in zip(sizes, self.spatial, strict=True)]
        x = F.pad(x, [pad for rest in reversed(rests) for pad in (0, rest)])
        answer = x.new_empty(x.shape[0], self.outputs, *x.shape[2:])
        starts = (
            range(0, size, side) for size, side in zip(x.shape[2:], self.spatial, strict=True)
        )
        for corner in itertools.product(*starts):
            window = tuple(
                slice(start, start + side) for start, side in zip(corner, self.spatial, strict=True)
            )
            answer[:, :, *window] = self(x[:, :, *window])
        return answer[:, :, *(slice(size) for size in sizes)]
