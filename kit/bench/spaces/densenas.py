"""DenseNAS's space: whole search steps beside their bare passes, memory, and the cost of paths."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from kit.bench.spaces import SpaceCase
from kit.spaces.densenas import Supernet, SupernetTable, rescale

OUTPUTS, PATHS = 10, 10_000
Step = Callable[[], object]
# Those of most of NAS-Bench-360's tasks.
TABLES = {
    "large": SupernetTable(
        ((32,), (48, 56, 64), (72, 96, 112), (128, 144, 160, 176), (192, 208, 224)),
        (4, 4, 2, 1, 1),
        (0, 0, 5, 15, 5),
    ),
    "small": SupernetTable(((32,), (48, 56, 64), (72, 96, 112)), (4, 2, 1), (0, 1, 5)),
}


def search_step(bookkeeping: bool, name: str, shape: tuple[int, ...], device: str) -> Step:
    """Return a function that takes a step of the architecture, then one of the weights.

    Args:
        bookkeeping: sampling, costs, rescaling and both optimisers; else the passes alone.
        name: of the supernet.
        shape: of a batch of the architecture; the weights have four in one.
        device: ``cpu`` or ``cuda``.
    """
    network, x = _made(name, shape, device)
    weights, architecture = network.weights, [network.alphas, network.betas]
    many = torch.cat([x] * 4)
    sgd = torch.optim.SGD(weights, 0.01, momentum=0.9)
    adam = torch.optim.Adam(architecture, 3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    everything = torch.ones_like(network.alphas, dtype=torch.bool)
    fixed = [place % 2 for place in range(len(network.alphas))]

    def step() -> None:
        before = network.alphas.detach().clone()
        network.all()
        _pass(network, x, architecture, weights, with_cost=bookkeeping)
        if bookkeeping:
            adam.step()
            with torch.no_grad():
                network.alphas.copy_(rescale(before, network.alphas, everything))
            network.sample()
        network.chosen = fixed
        _pass(network, many, weights, architecture, with_cost=False)
        if bookkeeping:
            sgd.step()

    return step


def one_pass(all_operations: bool, name: str, shape: tuple[int, ...], device: str) -> Step:
    """Return a function that runs an architecture step's passes, or one path's on that batch."""
    network, x = _made(name, shape, device)
    architecture = [network.alphas, network.betas]
    # Of one path that keeps every other layer, as half of all paths do at least.
    network.chosen = None if all_operations else [n % 2 for n in range(len(network.alphas))]
    learning, held = (
        (architecture, network.weights) if all_operations else (network.weights, architecture)
    )
    return partial(_pass, network, x, learning, held, with_cost=all_operations)


def path_costs(at_once: bool, name: str, shape: tuple[int, ...], device: str) -> Step:
    """Return a function that looks up the costs of paths, all at once or one by one."""
    network, _ = _made(name, shape, device)
    graph, costs = network.graph, network.costs
    found = list(graph.paths())
    steps = max(map(len, found))
    rows = [(*path, *[graph.tail] * (steps - len(path))) for path in found]
    paths = torch.tensor([rows[n % len(rows)] for n in range(PATHS)], device=device)
    kept = torch.tensor(graph.layers, device=device)[paths] // 2
    if at_once:
        return lambda: costs.of_paths(paths, kept)
    pairs = [(paths[n : n + 1], kept[n : n + 1]) for n in range(PATHS)]
    return lambda: [costs.of_paths(path, layers) for path, layers in pairs]


def _made(name: str, shape: tuple[int, ...], device: str) -> tuple[Supernet, torch.Tensor]:
    torch.manual_seed(0)
    network = Supernet(TABLES[name], shape[1:], OUTPUTS, dense=False).to(device)
    return network, torch.randn(shape, device=device)


def _pass(
    network: Supernet,
    x: torch.Tensor,
    learning: list[nn.Parameter],
    held: list[nn.Parameter],
    *,
    with_cost: bool,
) -> None:
    for each in held:
        each.requires_grad_(False)
    network.zero_grad(set_to_none=True)
    y = network(x)
    loss = F.cross_entropy(y, torch.zeros(len(y), dtype=torch.long, device=x.device))
    if with_cost:
        loss = loss + network.cost().log()
    loss.backward(inputs=learning)
    for each in held:
        each.requires_grad_(True)


BOTH = {"bare passes": False, "kit": True}


def _steps(name: str, shape: tuple[int, ...]) -> SpaceCase:
    words = " × ".join(map(str, shape))
    return SpaceCase(
        f"densenas search step, {name}, {words}",
        {form: partial(search_step, full, name, shape) for form, full in BOTH.items()},
    )


CASES = (
    _steps("large", (4, 3, 32, 32)),
    _steps("small", (8, 1, 1000)),
    SpaceCase(
        "densenas passes, large, 8 × 3 × 32 × 32",
        {
            "one path": partial(one_pass, False, "large", (8, 3, 32, 32)),
            "architecture step": partial(one_pass, True, "large", (8, 3, 32, 32)),
        },
    ),
    SpaceCase(
        f"densenas costs of {PATHS:,} paths, large",
        {
            "one by one": partial(path_costs, False, "large", (1, 3, 32, 32)),
            "kit": partial(path_costs, True, "large", (1, 3, 32, 32)),
        },
    ),
)
