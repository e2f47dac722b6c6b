"""Perceiver IO as it is, untuned (Jaegle et al. 2022; NAS-Bench-360, section 4)."""

from __future__ import annotations

from typing import Literal

from kit.method import MethodInfo
from kit.settings import Count, Positive, TrainingSettings


class PerceiverSettings(TrainingSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of Perceiver IO.

    Attributes:
        latents: number of latent vectors.
        channels: of each latent vector.
        layers: of the encoder; the second and all later ones share their weights.
        self_attentions: after the cross-attention of each layer.
        heads: of the encoder's attentions; the decoder has one.
        bands: Fourier frequencies per axis of the positions.
        decoder: of a dense task; ``one-query`` reads the whole map off a single vector by one
            linear layer [released], ``query-per-position`` asks with the input at each position.
    """

    latents: Positive
    channels: Positive
    layers: Positive
    self_attentions: Count
    heads: Positive
    bands: Count
    decoder: Literal["one-query", "query-per-position"]

    def __post_init__(self) -> None:
        """Refuse heads that do not share the channels evenly."""
        if self.channels % self.heads:
            raise ValueError(f"{self.heads} heads cannot share {self.channels} channels evenly")


METHOD = MethodInfo(
    name="perceiver-io",
    title="Perceiver IO",
    version=3,
    stages=("train",),
    settings_type=PerceiverSettings,
)
