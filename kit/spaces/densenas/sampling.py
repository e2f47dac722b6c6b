"""Which operations a step samples, and what keeps the probabilities of the others."""

from __future__ import annotations

import torch
from torch import Tensor


def sample(logits: Tensor, uniform: bool = False) -> list[int]:
    """Draw one operation of each layer, from torch's generator, with one transfer to the host.

    Args:
        logits: (layers, operations).
        uniform: whether all are as likely, or as the logits have it.
    """
    chances = torch.ones_like(logits) if uniform else logits.detach().softmax(1)
    return torch.multinomial(chances, 1).flatten().tolist() if len(chances) else []


@torch.no_grad()
def rescale(before: Tensor, after: Tensor, sampled: Tensor) -> Tensor:
    """Return logits whose step leaves the probabilities of operations without a part in it.

    Those that were sampled are shifted, layer by layer, so that the sum of their exponentials is
    what it was (Cai et al., ProxylessNAS, section 3.2); the others are those before the step.

    Args:
        before: (layers, operations) as the step found them.
        after: as it left them.
        sampled: which of them took part, of the same shape; at least one per layer.
    """
    nothing = before.new_tensor(-torch.inf)
    old, new = (torch.where(sampled, each, nothing).logsumexp(1) for each in (before, after))
    return torch.where(sampled, after + (old - new)[:, None], before)
