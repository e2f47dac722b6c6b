"""Loading FSD50K: a random chunk of each clip in training, all chunks of a clip in evaluation.

Training chunks are masked (SpecAugment) and mixed with background noise, in decibels.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from msgspec import Struct
from torch import Tensor

from kit.data import loading
from kit.data.loading import Batch
from kit.settings.common import Positive, Share


class Parameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of ``data.load``.

    Attributes:
        mix: probability that a chunk is mixed with noise.
        noise: largest weight of the noise in the mixture.
        mask: probability that a spectrogram is masked.
        rounds: largest number of masked bands of bins, and of frames.
        bins: largest width of a band of bins, as a share of all bins.
        frames: largest width of a band of frames, as a share of all frames.
    """

    mix: Share = 0.75
    noise: Share = 0.5
    mask: Share = 0.5
    rounds: Positive = 2
    bins: Share = 0.15
    frames: Share = 0.2


class Loader(loading.Loader):
    """Chunks of clips, each with its own mean subtracted."""

    Parameters = Parameters
    plain: ClassVar[Mapping[str, Any]] = {"mix": 0.0, "mask": 0.0}
    draws: ClassVar[bool] = True

    def addresses(self, indices: npt.NDArray[np.int64], training: bool) -> npt.NDArray[np.int64]:
        """Return addresses (samples, 2): clip and number of its chunk, -1 for a random one."""
        if training:
            return np.stack([indices, np.full_like(indices, -1)], axis=1)
        offsets = np.asarray(self.prepared.array("x-offsets"))
        counts = offsets[indices + 1] - offsets[indices]
        clips = np.repeat(indices, counts)
        chunks = np.concatenate([np.arange(count) for count in counts])
        return np.stack([clips, chunks], axis=1)

    def gather(self, addresses: Tensor, training: bool) -> Batch:
        """Return x (batch, 1, 96, 101), in decibels relative to the chunk's mean, and labels y."""
        clip, chunk = addresses.unbind(1)
        first, end = self.take("x-offsets")(clip), self.take("x-offsets")(clip + 1)
        drawn = (torch.rand(len(clip), device=clip.device) * (end - first)).long()
        chunk = drawn.minimum(end - first - 1) if training else chunk.clamp(min=0)
        x = self.take("x")(first + chunk).float()
        x = x - x.mean(dim=(1, 2, 3), keepdim=True)
        if training:
            x = self._masked(
                x, torch.full_like(clip, x.shape[-1]), torch.zeros_like(clip), x.amin((1, 2, 3))
            )
            x = self._mixed(x)
        step = self.config.stride
        return Batch(
            x=x[..., ::step, ::step],
            y=self.take("y")(clip),
            sample_id=clip,
            unit_id=self.take("unit_id")(clip),
        )

    def _mixed(self, x: Tensor) -> Tensor:
        """Return chunks, some of them mixed with a random part of a random noise file."""
        if not self.prepared.has("shared-noise"):
            return x
        batch, device = len(x), x.device
        bounds, means, lowest = (each.to(device) for each in self._noise)
        self._noise = bounds, means, lowest  # moved once, not for each batch
        file = torch.randint(len(means), (batch,), device=device)
        first, length = bounds[file], bounds[file + 1] - bounds[file]
        room = length - x.shape[-1]
        start = (torch.rand(batch, device=device) * (room + 1)).long().minimum(room)
        frames = torch.arange(x.shape[-1], device=device)
        noise = self.take("shared-noise")((first + start)[:, None] + frames).float()
        noise = noise.mT[:, None] - means[file][:, None, None, None]
        # Bands are placed in the whole noise file, of which this is a part.
        noise = self._masked(noise, length, start, lowest[file] - means[file])
        mixed = torch.rand(batch, device=device) < self.parameters.mix
        weight = torch.rand(batch, device=device) * self.parameters.noise * mixed
        return torch.lerp(x, noise, weight[:, None, None, None])

    def _masked(self, x: Tensor, length: Tensor, start: Tensor, fill: Tensor) -> Tensor:
        """Return spectrograms with masked bands of bins and frames (SpecAugment, Park et al. 2019).

        Args:
            x: (batch, 1, bins, frames), parts of longer spectrograms.
            length: (batch,) number of frames of the whole spectrograms.
            start: (batch,) frame of the whole at which the part begins.
            fill: (batch,) value of masked entries: the lowest value of the whole.
        """
        batch, _, bins, frames = x.shape
        masked = torch.rand(batch, device=x.device) < self.parameters.mask
        most = self.parameters.rounds
        rounds = torch.randint(1, most + 1, (batch,), device=x.device)
        row = torch.arange(bins, device=x.device)[None, :, None]
        column = start[:, None, None] + torch.arange(frames, device=x.device)
        hidden = torch.zeros(batch, bins, frames, dtype=torch.bool, device=x.device)
        for number in range(most):
            for place, size, share in (
                (row, torch.full_like(length, bins), self.parameters.bins),
                (column, length, self.parameters.frames),
            ):
                uniform = torch.rand(2, batch, device=x.device)
                width = (uniform[0] * share * size).long()
                low = (uniform[1] * (size - width)).long()[:, None, None]
                band = (place >= low) & (place < low + width[:, None, None])
                hidden |= band & (masked & (number < rounds))[:, None, None]
        return torch.where(hidden[:, None], fill[:, None, None, None], x)

    @cached_property
    def _noise(self) -> tuple[Tensor, Tensor, Tensor]:
        """First frame of each noise file (files + 1,), and each one's mean and minimum (files,)."""
        bounds = np.array(self.prepared.array("shared-noise-offsets"))
        values = self.prepared.array("shared-noise")
        files = [values[a:b].astype(np.float32) for a, b in pairwise(bounds.tolist())]
        means = torch.tensor([float(file.mean()) for file in files])
        return torch.from_numpy(bounds), means, torch.tensor([float(f.min()) for f in files])
