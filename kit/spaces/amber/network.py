"""Networks of layers with skip connections: the child with shared weights, the final network."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from kit.search import arguments
from kit.spaces.amber.operations import BatchNorm, SameConv1d, operation, reduction
from kit.spaces.amber.tokens import OPERATIONS, Layer, boundaries, positions, reductions, stage

STEM = 8
"""Kernel size of the first convolution."""
TRUNCATED = 0.87962566103423978
"""Standard deviation of the standard normal distribution truncated at ±2."""


class LayeredNetwork(nn.Module):
    """Layers with skip connections, then a hidden and a last dense layer.

    A layer may have several candidates. ``chosen`` may be changed between forward passes, to choose
    other candidates and skips.

    Attributes:
        chosen: the architecture of the next forward pass.
        all_branches: whether candidates that are not chosen get their input, too, in training mode,
            which updates their batch statistics (the released child computes all candidates).
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
        """Build a network; ``child`` and ``final_network`` make the two kinds that are used.

        Args:
            input_shape: (channels, positions) of a sample.
            outputs: numbers that the network returns for a sample.
            chosen: the architecture of the first forward pass.
            candidates: names of the operations that each layer can have.
            reduced: (layer, stage) of each output that can be brought to a later stage.
            width: channels of the first stage; each further stage has twice as many.
            hidden: units of the hidden dense layer.
            dropout: probability after each layer and before the hidden dense layer.
            norm: makes a batch norm.
            child: whether convolutions add one number before their ReLU, and dropout follows the
                hidden dense layer, too.

        Raises:
            ValueError: the sequence is too short for the reductions, or a size is no whole number.
        """
        super().__init__()
        inputs, length = arguments.shape(input_shape, axes=(1,))
        arguments.check_whole(outputs=outputs, width=width, hidden=hidden)
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
        # The first layer, to which nothing is added, has no normalisation here.
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
        outputs: dict[tuple[int, int], Tensor] = {}

        def at(layer: int, target: int) -> Tensor:
            """Return the output of a layer, reduced to a stage; each reduction is done once."""
            if (layer, target) not in outputs:
                outputs[layer, target] = self.reductions[f"{layer}_{target}"](at(layer, target - 1))
            return outputs[layer, target]

        for number, (name, skips) in enumerate(self.chosen):
            current = self.stages[number]
            x = at(number - 1, current) if number else x
            self._update_other_statistics(number, name, x)
            y = self.candidate(number, name)(x)
            for earlier in skips:
                y = y + at(earlier, current)
            outputs[number, current] = x = self.dropout(self.norms[number](y))
        return self.head(x)

    def candidate(self, layer: int, name: str) -> nn.Sequential:
        """Return the module of one of a layer's operations."""
        module = self.candidates[f"{layer}_{name}"]
        assert isinstance(module, nn.Sequential)
        return module

    def _update_other_statistics(self, layer: int, chosen: str, x: Tensor) -> None:
        """Update the batch statistics of a layer's other candidates, if ``all_branches``."""
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

    Each layer has all operations and each output all reductions, with separate weights. At first
    the largest child is chosen: convolutions of size 8 with all skips.

    Args:
        input_shape: (channels, positions) of a sample.
        outputs: numbers that the network returns for a sample.
        layers: number of layers.
        width: channels of the first stage; each further stage has twice as many.
        hidden: units of the hidden dense layer.
        dropout: probability after each layer and around the hidden dense layer.

    Raises:
        ValueError: the sequence is too short for the reductions, or a size is no whole number.
    """
    arguments.check_whole(layers=layers)
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
    """Return the network of one architecture, with only the reductions that it uses.

    Args:
        input_shape: (channels, positions) of a sample.
        outputs: numbers that the network returns for a sample.
        architecture: (operation, skips) of each layer.
        width: channels of the first stage; each further stage has twice as many.
        hidden: units of the hidden dense layer.
        dropout: probability after each layer and before the hidden dense layer.

    Raises:
        ValueError: the sequence is too short for the reductions, or a size is no whole number.
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
    """Draw initial weights: He's for convolutions, Glorot's or He's for dense layers.

    Args:
        network: is changed in place.
        he_everywhere: whether dense layers have He's initialisation, too.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv1d) or (he_everywhere and isinstance(module, nn.Linear)):
            deviation = math.sqrt(2 / module.weight[0].numel()) / TRUNCATED
            nn.init.trunc_normal_(module.weight, 0.0, deviation, -2 * deviation, 2 * deviation)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
