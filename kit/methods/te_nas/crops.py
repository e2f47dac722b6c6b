"""Small crops of one channel, on which linear regions are counted."""

from __future__ import annotations

import torch
from torch import Tensor

from kit.data.folds import Fold
from kit.seeding import generator
from kit.training.one_shot import endless

# Samples to read at a time; only their crops are kept.
AT_ONCE = 64


def crops(fold: Fold, count: int, size: int, seed: int, *stream: str | int) -> Tensor:
    """Return crops at random places of random channels, shape (count, 1, size, size).

    Each sample of the fold gives one, in a random order; if there are fewer samples than ``count``,
    the fold is passed over again in other orders.

    Args:
        fold: of a 2D task.
        count: number of crops.
        size: length of their sides.
        seed: of the run.
        stream: names the random draws.
    """
    draws = generator(seed, "crops", *stream)
    steps = torch.arange(size, device=fold.addresses.device)
    parts: list[Tensor] = []
    left = count
    for batch in endless(lambda turn: fold.shuffled(AT_ONCE, seed, "crops", *stream, turn)):
        x = batch.x[:left]
        limits = (x.shape[1], *(side - size + 1 for side in x.shape[2:]))
        places = torch.from_numpy(draws.integers(0, limits, (len(x), 3))).to(x.device)
        channels, rows, columns = places.T[..., None, None]
        samples = torch.arange(len(x), device=x.device)[:, None, None]
        parts.append(x[samples, channels, rows + steps[:, None], columns + steps].unsqueeze(1))
        left -= len(x)
        if left == 0:
            break
    return torch.cat(parts)
