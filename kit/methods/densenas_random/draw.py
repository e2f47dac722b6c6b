"""The networks of a random search, drawn from those of the space that are small enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kit.errors import KitError
from kit.methods.densenas_random.info import SEARCHED, RandomTrials
from kit.seeding import generator
from kit.spaces.densenas import Block, Graph, derive
from kit.spaces.densenas.decoding import chain

# Standard deviation of the initial betas and alphas, as in a search.
SPREAD = 1e-3


def draw(
    graph: Graph,
    options: RandomTrials,
    seed: int,
    number: int,
    parameters: Callable[[Sequence[Block]], int],
    bound: float,
) -> list[Block]:
    """Return the network of a trial, which depends on the seed and its number alone.

    Args:
        graph: of the supernet.
        options: how paths are drawn, and how often.
        seed: of the run.
        number: of the trial.
        parameters: counts those of a network.
        bound: largest number of parameters.

    Raises:
        KitError: none of ``options.attempts`` networks meets the bound.
    """
    random = generator(seed, "search", number)
    smallest = float("inf")
    for _ in range(options.attempts):
        blocks = _any(graph, options.path == "uniform", random)
        size = parameters(blocks)
        if size < bound or (size == bound and not options.strict):
            return blocks
        smallest = min(smallest, size)
    raised = "trials.slack" if options.bound == SEARCHED else "trials.bound"
    raise KitError(
        f"trial {number}: none of {options.attempts} networks that were drawn has at most "
        f"{bound:,.0f} parameters, the smallest has {smallest:,.0f}; raise {raised} or "
        "trials.attempts, or -o trials.bound=none"
    )


def _any(graph: Graph, uniform: bool, random: np.random.Generator) -> list[Block]:
    """Return a random network: a path, and each layer of its blocks with probability one half."""
    logits = SPREAD * random.standard_normal((sum(graph.layers), 2))
    if not uniform:
        betas = SPREAD * random.standard_normal(len(graph.edges))
        return derive(graph, _softmax(graph, betas), [(a, b) for a, b in logits.tolist()])
    ahead = graph.ways()
    path = [0]
    while path[-1] != graph.tail:
        # Weighted by the number of paths through it, so that all paths are equally likely.
        targets = [edge.target for edge in graph.leaving(path[-1])]
        weights = np.array([ahead[target] for target in targets], dtype=float)
        path.append(int(random.choice(targets, p=weights / weights.sum())))
    ends = np.cumsum(graph.layers)
    there = logits[:, 0] >= logits[:, 1]
    kept = [
        int(there[end - count : end].sum()) for end, count in zip(ends, graph.layers, strict=True)
    ]
    return chain(graph, path, kept)


def _softmax(graph: Graph, betas: np.typing.NDArray[np.float64]) -> list[float]:
    """Return the probability of each edge, given its source."""
    shares = np.exp(betas)
    sums = np.zeros(graph.tail)
    sources = [edge.source for edge in graph.edges]
    np.add.at(sums, sources, shares)
    return (shares / sums[sources]).tolist()
