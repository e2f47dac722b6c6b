"""DeepSEA: the network of Zhou and Troyanskaya (2015), as ported to Keras, without biases.

After Keras: weights by Glorot's uniform rule, "same" padding in convolutions and poolings. Weight
decay in the settings is twice Keras' L2 factor. The port's penalty of 1e-8 on the sum of the hidden
activations is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.base.context import Context
from kit.base.fit import fit as fit_network
from kit.methods.expert.info import ExpertSettings
from kit.methods.expert.layers.same import SameConv1d, same_max_pool1d
from kit.training.checkpointer import Checkpointer
from kit.training.loop import Hooks

KERNEL_SIZE = 8
POOL = 4
DROPOUT = (0.2, 0.2, 0.5)
LARGEST_NORM = 0.9


class DeepSEA(nn.Module):
    """Three convolutions of ``width``, 1.5 and 3 times as many channels, two linear layers."""

    def __init__(self, channels: int, length: int, outputs: int, width: int, hidden: int) -> None:
        super().__init__()
        widths = (channels, width, width * 3 // 2, width * 3)
        self.convolutions = nn.ModuleList(
            SameConv1d(before, after, KERNEL_SIZE, bias=False) for before, after in pairwise(widths)
        )
        for _ in DROPOUT[1:]:
            length = -(-length // POOL)
        self.hidden = nn.Linear(length * widths[-1], hidden, bias=False)
        self.answer = nn.Linear(hidden, outputs, bias=False)
        for weight in self.parameters():
            nn.init.xavier_uniform_(weight)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, n) -> (batch, outputs)."""
        for number, convolution in enumerate(self.convolutions):
            if number:
                x = same_max_pool1d(x, POOL)
                x = F.dropout(x, DROPOUT[number - 1], self.training)
            x = F.relu(convolution(x))
        x = F.dropout(x, DROPOUT[-1], self.training)
        # Keras flattens with the channels last.
        return self.answer(F.relu(self.hidden(x.transpose(1, 2).flatten(1))))

    @torch.no_grad()
    def limit_norms(self) -> None:
        """Scale weights down to Keras' ``MaxNorm``, of a filter's taps or a unit's inputs."""
        for weight in self.parameters():
            norm = weight.norm(dim=-1, keepdim=True)
            weight.mul_(norm.clamp(max=LARGEST_NORM) / (norm + 1e-7))


def build(
    input_shape: Sequence[int], outputs: int, *, width: int = 320, hidden: int = 925
) -> DeepSEA:
    """Return the network for one-hot sequences (bases, length)."""
    channels, length = input_shape
    return DeepSEA(channels, length, outputs, width, hidden)


def fit(
    context: Context, checkpointer: Checkpointer, network: DeepSEA, settings: ExpertSettings
) -> None:
    """Train with the norms of the weights limited after every step."""
    fold, hooks = context.fold("final_fit"), Hooks(after_step=network.limit_norms)
    fit_network(context, checkpointer, network, fold, settings, hooks=hooks)
