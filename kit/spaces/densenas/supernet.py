"""The supernet: all blocks, all their connections, and what is learnt about them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kit.spaces.densenas import sampling
from kit.spaces.densenas.blocks import Block
from kit.spaces.densenas.costs import PathCosts
from kit.spaces.densenas.decoding import derive
from kit.spaces.densenas.modules import BasicBlock, Classifier, Stem, initialise
from kit.spaces.densenas.table import SupernetTable
from kit.spaces.operations import Norm, convolution

# Of betas and alphas when a search begins.
SPREAD = 1e-3
# Blocks and the tail have no weights in their normalisations.
BARE = Norm(affine=False)
BLOCK = 0  # beside 1, which leaves a layer out


class Supernet(nn.Module):
    """Blocks that take the weighted sum of what their predecessors make of theirs.

    Attributes:
        betas: logits of all edges, by source, then target.
        alphas: (layers, 2) logits of each layer of each stack: a basic block, or nothing.
        chosen: of each layer, the operation that takes part in the next passes; None for both.
        costs: of its paths.

    Args:
        table: what it consists of.
        input_shape: (channels, *spatial) of a sample.
        outputs: classes, or values per position.
        dense: whether it answers per position, at constant resolution.
        pad: zeros on each side of each axis of a sample.
        temperature: of the softmax over a block's ways on.
        double_softmax: the tail's weights, probabilities already, pass a softmax again (code).
        cost_shape: (channels, *spatial) of the sample that costs are for; None for a padded one.
        convolutions: whether they count in the costs.
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
        """All parameters but those of the architecture."""
        own = {id(self.betas), id(self.alphas)}
        return [each for each in self.parameters() if id(each) not in own]

    def sample(self, uniform: bool = False) -> None:
        """Choose one operation for each layer of each stack for the next passes."""
        self.chosen = sampling.sample(self.alphas, uniform)

    def all(self) -> None:
        """Let all operations take part in the next passes, as the architecture's steps do."""
        self.chosen = None

    def cost(self) -> Tensor:
        """Return the expected cost of a path under betas and the operations that take part."""
        if self.chosen is None:
            shares = self.alphas.softmax(1)
        else:
            shares = nn.functional.one_hot(torch.tensor(self.chosen, device=self.alphas.device), 2)
            shares = shares.to(self.alphas.dtype)
        return self.costs.expected(self._transitions(), shares)

    def derive(self) -> list[Block]:
        """Return the architecture: the likeliest path and layers, without the temperature."""
        graph = self.graph
        with torch.no_grad():
            ways = self._transitions(1.0)[self.ends[0], self.ends[1]].tolist()
            layers = [(block, skip) for block, skip in self.alphas.softmax(1).tolist()]
        return derive(graph, ways, layers)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, *spatial) -> (batch, outputs), or (batch, outputs, *spatial)."""
        graph = self.graph
        ways = self._transitions()[self.ends[0], self.ends[1]].unbind()
        shares = None if self.chosen is not None else self.alphas.softmax(1).unbind()
        maps, first = [self.stem(x)], 0
        for node, block in enumerate(self.blocks, 1):
            entering = graph.entering(node)
            edges = [(maps[e.source], ways[graph.number[e.source, node]]) for e in entering]
            part = slice(first, first := first + graph.layers[node])
            maps.append(
                block(
                    edges,
                    None if self.chosen is None else self.chosen[part],
                    None if shares is None else shares[part],
                )
            )
        entering = graph.entering(graph.tail)
        weights = torch.stack([ways[graph.number[edge.source, graph.tail]] for edge in entering])
        if self.double_softmax:
            weights = weights.softmax(0)
        ends = zip(weights.unbind(), self.tail, entering, strict=True)
        return self.classifier(sum(w * branch(maps[edge.source]) for w, branch, edge in ends))

    def _transitions(self, temperature: float | None = None) -> Tensor:
        """Return (nodes but the tail, nodes) the probabilities of going on to each node."""
        tail = self.graph.tail
        logits = self.betas.new_full((tail, tail + 1), -torch.inf)
        logits = logits.index_put((self.ends[0], self.ends[1]), self.betas)
        return (logits / (temperature or self.temperature)).softmax(1)


class _Block(nn.Module):
    """A head of one basic block per predecessor, the nearest first, and a stack behind it."""

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
            entering: the map of each predecessor, and its weight.
            chosen: of each layer, the one operation that takes part; None for both.
            shares: of each layer, (2,) the weights of both.
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
