"""Costs of a supernet's paths, in millions of multiply-adds for one sample, from tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.spaces.densenas.graph import Graph


class PathCosts(nn.Module):
    """The costs of all parts of a supernet, from which those of any path are computed.

    A layer that is left out costs a tenth of its basic block, as in the released code, so that
    leaving out layers is less attractive. Norms, activations and pooling cost nothing.

    Attributes:
        fixed: cost of the input block and the classifier.
        edges: (nodes - 1, nodes), cost of the convolutions of each edge, by source and target.
        layers: (layers, 2), cost of each layer of each stack if it is kept, and if it is left out.
        owner: (layers,), node of each layer.
        table: (nodes, nodes, most layers + 1), by source, target and number of kept layers of the
            target: cost of the edge and of the target's stack.

    Args:
        graph: graph of the supernet.
        input_shape: (channels, *spatial) of the sample for which costs are computed, with padding.
        outputs: number of outputs of the classifier, which is counted at one position.
        stride: stride of the input block.
        convolutions: whether convolutions are counted; the released 1D code does not count them.
    """

    edges: Tensor
    layers: Tensor
    owner: Tensor
    table: Tensor

    def __init__(
        self,
        graph: Graph,
        input_shape: Sequence[int],
        outputs: int,
        *,
        stride: int,
        convolutions: bool = True,
    ) -> None:
        super().__init__()
        dims, widths = len(input_shape) - 1, graph.channels
        taps = 3**dims if convolutions else 0
        pointwise_taps = 1 if convolutions else 0
        spatial = [-(-size // stride) for size in input_shape[1:]]
        positions = [math.prod(spatial)] + [0] * graph.tail
        sizes = [spatial] + [spatial] * graph.tail
        matrix = torch.zeros(graph.tail, graph.tail + 1, dtype=torch.float64)
        for edge in graph.edges:  # by source, so that its size is known
            a, b = widths[edge.source], widths[edge.target]
            sizes[edge.target] = [-(-size // edge.stride) for size in sizes[edge.source]]
            n = positions[edge.target] = math.prod(sizes[edge.target])
            each = taps * (a + b) * b
            if edge.stride != 1 or a != b:
                each += pointwise_taps * a * b
            tail = pointwise_taps * a * b
            matrix[edge.source, edge.target] = n * (tail if edge.target == graph.tail else each)
        block = [2 * taps * width**2 * n for width, n in zip(widths, positions, strict=True)]
        self.fixed = (taps * input_shape[0] * widths[0] * positions[0] + widths[-1] * outputs) / 1e6
        owner = [node for node, count in enumerate(graph.layers) for _ in range(count)]
        both = torch.tensor([[block[node], block[node] / 10] for node in owner]).reshape(-1, 2)
        self.register_buffer("edges", (matrix / 1e6).float(), persistent=False)
        self.register_buffer("layers", (both.double() / 1e6).float(), persistent=False)
        self.register_buffer("owner", torch.tensor(owner, dtype=torch.long), persistent=False)
        most = max(graph.layers)
        kept = torch.arange(most + 1, dtype=torch.float64)
        per_block = torch.tensor(block, dtype=torch.float64) / 1e6
        stacks = per_block[:, None] * (0.9 * kept + 0.1 * torch.tensor(graph.layers)[:, None])
        table = torch.zeros(graph.tail + 1, graph.tail + 1, most + 1, dtype=torch.float64)
        table[:-1] = matrix[:, :, None] / 1e6 + stacks
        table[-1, -1] = 0.0
        self.register_buffer("table", table.float(), persistent=False)

    def of_paths(self, paths: Tensor, kept: Tensor) -> Tensor:
        """Return the costs (paths,) of paths by lookup, in millions of multiply-adds.

        Args:
            paths: (paths, steps) nodes from 0 to the tail; shorter paths are padded with the tail.
            kept: (paths, steps) number of layers of each node's stack that are kept.
        """
        nodes, _, most = self.table.shape
        steps = torch.add(paths[:, 1:], paths[:, :-1], alpha=nodes)
        place = torch.add(kept[:, 1:], steps, alpha=most)
        # Lookup and sum in one operation.
        return F.embedding_bag(place, self.table.view(-1, 1), mode="sum").squeeze(1) + self.fixed

    def expected(self, transitions: Tensor, shares: Tensor) -> Tensor:
        """Return the expected cost of a random path, a scalar in millions of multiply-adds.

        It is differentiable with respect to both arguments.

        Args:
            transitions: (nodes - 1, nodes) probabilities of the target of each node but the tail.
            shares: (layers, 2), for each layer of each stack, the probabilities that it is kept and
                that it is left out.
        """
        each = (shares * self.layers.to(shares.dtype)).sum(1)
        stacks = each.new_zeros(transitions.shape[1]).index_add(0, self.owner, each)
        steps = (transitions * (self.edges.to(transitions.dtype) + stacks)).sum(1)
        # The expected costs F from each node to the tail, where F is 0, solve F = steps + P F.
        system = torch.eye(len(steps), dtype=steps.dtype, device=steps.device) - transitions[:, :-1]
        ahead = torch.linalg.solve_triangular(
            system, steps[:, None], upper=True, unitriangular=True
        )
        return ahead[0, 0] + self.fixed
