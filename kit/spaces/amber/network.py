"""Networks of layers with skip connections: the child with shared weights, and the final one."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from kit.spaces.amber.operations import BatchNorm, SameConv1d, operation, reduction
from kit.spaces.amber.tokens import OPERATIONS, Layer, boundaries, positions, reductions, stage

STEM = 8
"""Taps of the first convolution."""
TRUNCATED = 0.87962566103423978
"""Standard deviation of a standard normal number that is cut at ±2."""


class LayeredNetwork(nn.Module):
    """Layers of operations with skip connections, then a hidden dense layer.

    Where a layer has several candidates, ``chosen`` says which of them, and which skips, the next
    pass takes; nothing is rebuilt.

    Attributes:
        chosen: the architecture.
        all_branches: in training mode, candidates that are not chosen see their input too, to the
            effect that their batch statistics move (the released child computes all of them).
    """

    def __init__(
        self,
        input_shape: Sequence[int],
        outputs: int,
        chosen: Sequence[Layer],
        *,
        candidates: Sequence[Collection[str]],
        reduced: Collection[tuple[int, int]],
        width: int,
        hidden: int,
        dropout: float,
        norm: partial[BatchNorm],
        child: bool,
    ) -> None:
        """Build a network; ``child`` and ``final_network`` below are the two there are.

        Args:
            input_shape: (channels, positions).
            outputs: numbers that it answers with.
            chosen: the architecture.
            candidates: names of the operations that each layer has.
            reduced: (layer, stage) of each output that can be brought to a stage.
            width: channels of the first stage; each further one has twice as many.
            hidden: units of the dense layer before the last.
            dropout: after each layer and before the dense one.
            norm: makes a batch norm.
            child: convolutions add one number before their ReLU, and dropout follows the dense
                layer too.

        Raises:
            ValueError: the sequence is too short for the reductions.
        """
        super().__init__()
        inputs, length = input_shape
        count = len(chosen)
        final_length = positions(length, count)
        self.chosen: list[Layer] = list(chosen)
        self.all_branches = False
        self.stages = [stage(number, count) for number in range(count)]
        widths = [width << each for each in self.stages]
        self.stem = nn.Sequential(SameConv1d(inputs, width, STEM), norm(width))
        self.names = [tuple(names) for names in candidates]
        self.candidates = nn.ModuleDict(
            {
                f"{number}_{name}": operation(name, widths[number], norm, shift=child)
                for number, names in enumerate(candidates)
                for name in names
            }
        )
        # That of the first layer, which adds nothing, is not used.
        self.norms = nn.ModuleList(norm(of) if n else nn.Identity() for n, of in enumerate(widths))
        self.reductions = nn.ModuleDict(
            {f"{n}_{s}": reduction(width << (s - 1), width << s) for n, s in reduced}
        )
        self.dropout = nn.Dropout(dropout)
        flat = widths[-1] * final_length
        dense = [nn.Flatten(), nn.Dropout(dropout), nn.Linear(flat, hidden), nn.ReLU()]
        after = [nn.Dropout(dropout)] if child else []
        self.head = nn.Sequential(*dense, *after, nn.Linear(hidden, outputs))
        initialise(self, he_everywhere=child)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, positions) -> (batch, outputs)."""
        x = self.stem(x)
        there: dict[tuple[int, int], Tensor] = {}

        def at(layer: int, wanted: int) -> Tensor:
            """Return the output of a layer, brought to a stage once."""
            if (layer, wanted) not in there:
                there[layer, wanted] = self.reductions[f"{layer}_{wanted}"](at(layer, wanted - 1))
            return there[layer, wanted]

        for number, (name, skips) in enumerate(self.chosen):
            own = self.stages[number]
            x = at(number - 1, own) if number else x
            self._see_all(number, name, x)
            y = self.candidate(number, name)(x)
            for earlier in skips:
                y = y + at(earlier, own)
            there[number, own] = x = self.dropout(self.norms[number](y))
        return self.head(x)

    def candidate(self, layer: int, name: str) -> nn.Sequential:
        """Return an operation that a layer can be."""
        found = self.candidates[f"{layer}_{name}"]
        assert isinstance(found, nn.Sequential)
        return found

    def _see_all(self, layer: int, chosen: str, x: Tensor) -> None:
        """Let the candidates that are not chosen take note of their input."""
        if not (self.all_branches and self.training):
            return
        with torch.no_grad():
            for name in self.names[layer]:
                if name != chosen:
                    self.candidate(layer, name)[:2](x)  # up to its batch norm


def child(
    input_shape: Sequence[int],
    outputs: int,
    *,
    layers: int,
    width: int = 32,
    hidden: int = 925,
    dropout: float = 0.1,
) -> LayeredNetwork:
    """Return the network whose weights all children of a search share.

    Each layer has all operations, with weights of its own, and each output all reductions. At first
    the largest child is chosen: convolutions of size 8 with all skips.

    Raises:
        ValueError: the sequence is too short for the reductions.
    """
    largest = [(OPERATIONS[0], tuple(range(number))) for number in range(layers)]
    ends = boundaries(layers)
    return LayeredNetwork(
        input_shape,
        outputs,
        largest,
        candidates=[OPERATIONS] * layers,
        reduced=[(n, s) for s, end in enumerate(ends, 1) for n in range(end + 1)],
        width=width,
        hidden=hidden,
        dropout=dropout,
        norm=partial(BatchNorm, eps=1e-5, momentum=0.1),
        child=True,
    )


def final_network(
    input_shape: Sequence[int],
    outputs: int,
    architecture: Sequence[Layer],
    *,
    width: int = 64,
    hidden: int = 100,
    dropout: float = 0.1,
) -> LayeredNetwork:
    """Return the network of one architecture, of the reductions those alone that it uses.

    Raises:
        ValueError: the sequence is too short for the reductions.
    """
    return LayeredNetwork(
        input_shape,
        outputs,
        architecture,
        candidates=[[name] for name, _ in architecture],
        reduced=reductions(architecture),
        width=width,
        hidden=hidden,
        dropout=dropout,
        norm=partial(BatchNorm, eps=1e-3, momentum=0.01),
        child=False,
    )


def initialise(network: nn.Module, *, he_everywhere: bool) -> None:
    """Draw first weights: He's, and Glorot's for dense layers unless these have He's too."""
    for module in network.modules():
        if isinstance(module, nn.Conv1d) or (he_everywhere and isinstance(module, nn.Linear)):
            deviation = math.sqrt(2 / module.weight[0].numel()) / TRUNCATED
            nn.init.trunc_normal_(module.weight, 0.0, deviation, -2 * deviation, 2 * deviation)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
