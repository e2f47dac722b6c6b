"""Augmentation of image batches on the device.

Random numbers come from torch's global generator, which is seeded in each epoch.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def crop(x: Tensor, padding: int = 4) -> Tensor:
    """Pad (batch, channels, h, w) with zeros and crop each sample at its own random position."""
    batch, _, height, width = x.shape
    padded = torch.nn.functional.pad(x, (padding,) * 4)
    top, left = torch.randint(2 * padding + 1, (2, batch, 1), device=x.device)
    rows = top + torch.arange(height, device=x.device)
    columns = left + torch.arange(width, device=x.device)
    samples = torch.arange(batch, device=x.device)[:, None, None]
    # With advanced indices on both sides of a slice, numpy's rules put the channels last.
    return padded[samples, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


def flip(x: Tensor) -> Tensor:
    """Mirror each sample's columns with probability one half."""
    chosen = torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5
    return torch.where(chosen, x.flip(-1), x)


def cutout(x: Tensor, size: int) -> Tensor:
    """Set a square of each sample to zero, at a random centre, clipped at the borders."""
    batch, _, height, width = x.shape
    rows = torch.arange(height, device=x.device)[None, :, None]
    columns = torch.arange(width, device=x.device)[None, None, :]
    row = torch.randint(height, (batch, 1, 1), device=x.device)
    column = torch.randint(width, (batch, 1, 1), device=x.device)
    half = size // 2
    inside = (rows >= row - half) & (rows < row + half)
    inside = inside & (columns >= column - half) & (columns < column + half)
    return x.masked_fill(inside[:, None], 0.0)


# Augmentations by their names in ``DataConfig.augment``.
AUGMENTATIONS: dict[str, Callable[[Tensor], Tensor]] = {"crop": crop, "flip": flip}
