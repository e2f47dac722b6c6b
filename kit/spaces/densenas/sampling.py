"""Sampling of a step's operations, and rescaling, which keeps the probabilities of the others."""

from __future__ import annotations

import torch
from torch import Tensor


def sample(logits: Tensor, uniform: bool = False) -> list[int]:
    """Return the index of one random operation for each layer, drawn by torch's global generator.

    Args:
        logits: (layers, operations).
        uniform: whether all operations have the same probability instead of that of the logits.
    """
    chances = torch.ones_like(logits) if uniform else logits.detach().softmax(1)
    return torch.multinomial(chances, 1).flatten().tolist() if len(chances) else []


@torch.no_grad()
def rescale(before: Tensor, after: Tensor, sampled: Tensor) -> Tensor:
    """Return the logits after a step such that it only changes sampled operations' probabilities.

    The logits of sampled operations are shifted, layer by layer, so that the sum of their
    exponentials is that before the step (ProxylessNAS, Cai et al. 2019, section 3.2); the others
    are those before the step.

    Args:
        before: (layers, operations), logits before the step.
        after: (layers, operations), logits after the step.
        sampled: (layers, operations), true for sampled operations, at least one per layer.
    """
    old, new = (each.masked_fill(~sampled, -torch.inf).logsumexp(1) for each in (before, after))
    return torch.where(sampled, after + (old - new)[:, None], before)
