"""The supernet: all blocks, all their connections, and the architecture parameters."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kit.search import arguments
from kit.spaces.densenas import sampling
from kit.spaces.densenas.blocks import Block
from kit.spaces.densenas.costs import PathCosts
from kit.spaces.densenas.decoding import derive
from kit.spaces.densenas.modules import BasicBlock, Classifier, Stem, initialise
from kit.spaces.densenas.table import SupernetTable
from kit.spaces.operations import Norm, convolution

# Standard deviation of the initial betas and alphas.
SPREAD = 1e-3
# Normalisation of the blocks and the tail, without parameters.
BARE = Norm(affine=False)
# Index of the operation of a layer that keeps it; 1 leaves it out.
BLOCK = 0


class Supernet(nn.Module):
    """A network in which each block reads the weighted sum of its predecessors.

    Attributes:
        betas: (edges,), logits of the edges, by source, then target; each node has a distribution
            over the edges that leave it.
        alphas: (layers, 2), logits of each layer of each stack: a basic block, or nothing.
        chosen: for each layer, the index of the only operation of the next forward passes; None for
            both.
        costs: costs of its paths.

    Args:
        table: the blocks.
        input_shape: (channels, *spatial) of a sample.
        outputs: classes or numbers for a sample, or for each position if ``dense``.
        dense: whether it returns outputs for each position, with a stem of stride 1.
        pad: number of zeros on each side of each axis of a sample.
        temperature: temperature of the softmax over the edges that leave a node.
        double_softmax: whether the weights of the tail's edges, which are probabilities already,
            pass another softmax, as in the released code.
        cost_shape: (channels, *spatial) of the sample for which costs are computed; None for a
            sample with padding.
        convolutions: whether convolutions are counted in the costs.
    """

    ends: Tensor

    def __init__(
        self,
        table: SupernetTable,
        input_shape: Sequence[int],
        outputs: int,
        *,
        dense: bool,
        pad: int = 0,
        temperature: float = 0.9,
        double_softmax: bool = False,
        cost_shape: Sequence[int] | None = None,
        convolutions: bool = True,
    ) -> None:
        super().__init__()
        input_shape = arguments.shape(input_shape)
        arguments.check_whole(outputs=outputs)
        arguments.check_whole(0, pad=pad)
        self.graph = graph = table.graph
        self.temperature, self.double_softmax = temperature, double_softmax
        dims, widths = len(input_shape) - 1, graph.channels
        stride = 1 if dense else 2
        self.betas = nn.Parameter(SPREAD * torch.randn(len(graph.edges)))
        self.alphas = nn.Parameter(SPREAD * torch.randn(sum(graph.layers), 2))
        self.chosen: list[int] | None = None
        self.stem = Stem(dims, input_shape[0], widths[0], stride, pad, ceiling=False)
        self.blocks = nn.ModuleList(
            _Block(dims, [(widths[e.source], e.stride) for e in graph.entering(node)], width, n)
            for node, (width, n) in enumerate(zip(widths, graph.layers, strict=True))
            if 0 < node < graph.tail
        )
        self.tail = nn.ModuleList(
            nn.Sequential(
                convolution(widths[edge.source], widths[-1], 1, dims),
                BARE.layer(widths[-1], dims),
                nn.ReLU6(inplace=True),
            )
            for edge in graph.entering(graph.tail)
        )
        self.classifier = Classifier(widths[-1], outputs, dense)
        padded = [size + 2 * pad for size in input_shape[1:]]
        self.costs = PathCosts(
            graph,
            cost_shape or (input_shape[0], *padded),
            outputs,
            stride=stride,
            convolutions=convolutions,
        )
        ends = torch.tensor([(edge.source, edge.target) for edge in graph.edges]).T
        self.register_buffer("ends", ends.contiguous(), persistent=False)
        initialise(self)

    @property
    def weights(self) -> list[nn.Parameter]:
        """All parameters other than betas and alphas."""
        architecture = {id(self.betas), id(self.alphas)}
        return [each for each in self.parameters() if id(each) not in architecture]

    def sample(self, uniform: bool = False) -> None:
        """Draw one operation for each layer of each stack for the next forward passes.

        Args:
            uniform: whether both operations have the same probability instead of that of alphas.
        """
        self.chosen = sampling.sample(self.alphas, uniform)

    def all(self) -> None:
        """Use both operations of each layer in the next forward passes, for steps of alphas."""
        self.chosen = None

    def cost(self) -> Tensor:
        """Return the expected cost of a path, a scalar in millions of multiply-adds.

        It depends on betas and on the chosen operations, or, if these are None, on alphas.
        """
        if self.chosen is None:
            shares = self.alphas.softmax(1)
        else:
            shares = nn.functional.one_hot(torch.tensor(self.chosen, device=self.alphas.device), 2)
            shares = shares.to(self.alphas.dtype)
        return self.costs.expected(self._transitions(), shares)

    def derive(self) -> list[Block]:
        """Return the architecture of the most probable path and layers, at temperature 1."""
        graph = self.graph
        with torch.no_grad():
            probabilities = self._transitions(1.0)[self.ends[0], self.ends[1]].tolist()
            layers = [(block, skip) for block, skip in self.alphas.softmax(1).tolist()]
        return derive(graph, probabilities, layers)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, *spatial) -> (batch, outputs), or (batch, outputs, *spatial)."""
        graph = self.graph
        edge_weights = self._transitions()[self.ends[0], self.ends[1]].unbind()
        shares = None if self.chosen is not None else self.alphas.softmax(1).unbind()
        maps, first = [self.stem(x)], 0
        for node, block in enumerate(self.blocks, 1):
            entering = graph.entering(node)
            edges = [(maps[e.source], edge_weights[graph.number[e.source, node]]) for e in entering]
            part = slice(first, first := first + graph.layers[node])
            maps.append(
                block(
                    edges,
                    None if self.chosen is None else self.chosen[part],
                    None if shares is None else shares[part],
                )
            )
        entering = graph.entering(graph.tail)
        numbers = [graph.number[edge.source, graph.tail] for edge in entering]
        weights = torch.stack([edge_weights[number] for number in numbers])
        if self.double_softmax:
            weights = weights.softmax(0)
        ends = zip(weights.unbind(), self.tail, entering, strict=True)
        return self.classifier(sum(w * branch(maps[edge.source]) for w, branch, edge in ends))

    def _transitions(self, temperature: float | None = None) -> Tensor:
        """Return (nodes - 1, nodes): for each node but the tail, the probabilities of its targets.

        Args:
            temperature: temperature of the softmax; None for that of the supernet.
        """
        tail = self.graph.tail
        logits = self.betas.new_full((tail, tail + 1), -torch.inf)
        logits = logits.index_put((self.ends[0], self.ends[1]), self.betas)
        return (logits / (temperature or self.temperature)).softmax(1)


class _Block(nn.Module):
    """A head with one basic block per predecessor, the nearest first, and a stack of layers.

    Args:
        dims: 1 or 2.
        entering: (channels, stride) of each predecessor.
        width: channels of the block.
        layers: number of layers of the stack.
    """

    def __init__(
        self, dims: int, entering: Sequence[tuple[int, int]], width: int, layers: int
    ) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            BasicBlock(dims, inputs, width, stride, BARE) for inputs, stride in entering
        )
        self.stack = nn.ModuleList(BasicBlock(dims, width, width, 1, BARE) for _ in range(layers))

    def forward(
        self,
        entering: Sequence[tuple[Tensor, Tensor]],
        chosen: Sequence[int] | None,
        shares: Sequence[Tensor] | None,
    ) -> Tensor:
        """Return (batch, width, *spatial).

        Args:
            entering: map and weight of each predecessor.
            chosen: for each layer, the index of its only operation; None for both.
            shares: for each layer, (2,) weights of both operations; None if ``chosen`` is given.
        """
        pairs = zip(self.heads, entering, strict=True)
        x = sum(weight * head(each) for head, (each, weight) in pairs)
        for place, layer in enumerate(self.stack):
            if shares is not None:
                block, skip = shares[place].unbind()
                x = block * layer(x) + skip * x
            elif chosen is not None and chosen[place] == BLOCK:
                x = layer(x)
        return x
