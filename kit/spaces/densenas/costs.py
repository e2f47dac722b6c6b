"""What paths of a supernet cost, in millions of multiply-adds for one sample, from tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.spaces.densenas.graph import Graph


class PathCosts(nn.Module):
    """The costs of all parts of a supernet, which together give those of any path.

    A layer that is left out counts a tenth of its basic block (released code: what it saves would
    be all too tempting otherwise). Norms, activations and pooling count nothing.

    Args:
        graph: of the supernet.
        input_shape: (channels, *spatial) of the sample, padded, that costs are for.
        outputs: of the classifier, which counts once, whatever it is applied to.
        stride: of the input block.
        convolutions: whether they count; the released 1D code has a counter that knows none.
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
        beside = 1 if convolutions else 0
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
                each += beside * a * b
            tail = beside * a * b
            matrix[edge.source, edge.target] = n * (tail if edge.target == graph.tail else each)
        block = [2 * taps * width**2 * n for width, n in zip(widths, positions, strict=True)]
        self.fixed = (taps * input_shape[0] * widths[0] * positions[0] + widths[-1] * outputs) / 1e6
        owner = [node for node, count in enumerate(graph.layers) for _ in range(count)]
        both = torch.tensor([[block[node], block[node] / 10] for node in owner]).reshape(-1, 2)
        self.register_buffer("edges", (matrix / 1e6).float(), persistent=False)
        self.register_buffer("layers", (both.double() / 1e6).float(), persistent=False)
        self.register_buffer("owner", torch.tensor(owner, dtype=torch.long), persistent=False)
        # (source, target, kept layers) -> cost, for paths.
        most = max(graph.layers)
        kept = torch.arange(most + 1, dtype=torch.float64)
        per_block = torch.tensor(block, dtype=torch.float64) / 1e6
        stacks = per_block[:, None] * (0.9 * kept + 0.1 * torch.tensor(graph.layers)[:, None])
        table = torch.zeros(graph.tail + 1, graph.tail + 1, most + 1, dtype=torch.float64)
        table[:-1] = matrix[:, :, None] / 1e6 + stacks
        table[-1, -1] = 0.0
        self.register_buffer("table", table.float(), persistent=False)

    def of_paths(self, paths: Tensor, kept: Tensor) -> Tensor:
        """Return the cost of each path, looked up.

        Args:
            paths: (paths, steps) nodes from 0 on; those after the tail are the tail again.
            kept: (paths, steps) how many layers of each node's stack there are.
        """
        nodes, _, most = self.table.shape
        steps = torch.add(paths[:, 1:], paths[:, :-1], alpha=nodes)
        place = torch.add(kept[:, 1:], steps, alpha=most)
        # Looks up and adds up in one pass.
        return F.embedding_bag(place, self.table.view(-1, 1), mode="sum").squeeze(1) + self.fixed

    def expected(self, transitions: Tensor, shares: Tensor) -> Tensor:
        """Return the cost of a path on average, chained from the tail to the input block.

        Args:
            transitions: (nodes but the tail, nodes) probabilities of going on from one to another.
            shares: (layers, 2) of each layer of each stack, how much of it is a basic block, and
                how much is left out.
        """
        each = (shares * self.layers.to(shares.dtype)).sum(1)
        stacks = each.new_zeros(transitions.shape[1]).index_add(0, self.owner, each)
        steps = (transitions * (self.edges.to(transitions.dtype) + stacks)).sum(1)
        # F = steps + P F, over the nodes but the tail, from where nothing is left to pay.
        system = torch.eye(len(steps), dtype=steps.dtype, device=steps.device) - transitions[:, :-1]
        ahead = torch.linalg.solve_triangular(
            system, steps[:, None], upper=True, unitriangular=True
        )
        return ahead[0, 0] + self.fixed
