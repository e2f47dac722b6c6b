"""Networks of cells: counts of the original, what they compute, the supernet's agreement."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kit.ops import count
from kit.spaces.nas_bench_201 import Cell, CellNetwork, Counter, Supernet
from kit.spaces.nas_bench_201.cell import EDGES, OPERATIONS, strings
from kit.spaces.nas_bench_201.network import CellModule
from kit.spaces.operations import PLAIN
from tests.spaces.nas_bench_201.test_cell import ROWS

# Channels and sizes of a sample, outputs, whether each position has them.
TASKS: dict[str, tuple[tuple[int, ...], int, bool]] = {
    "cifar10": ((3, 32, 32), 10, False),
    "cifar100": ((3, 32, 32), 100, False),
    "ImageNet16-120": ((3, 16, 16), 120, False),
    "ninapro": ((1, 16, 52), 18, False),
    "darcyflow": ((3, 85, 85), 1, True),
}
ALL = "|nor_conv_3x3~0|+|avg_pool_3x3~0|skip_connect~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
WIDENING = "|nor_conv_1x1~0|+|avg_pool_3x3~0|skip_connect~1|+|skip_connect~0|none~1|none~2|"


def made(cell: Any, task: str) -> tuple[CellNetwork, tuple[int, ...]]:
    shape, outputs, dense = TASKS[task]
    with torch.device("meta"):
        return CellNetwork(cell, shape[0], outputs, dense=dense), shape


@pytest.mark.parametrize("task", TASKS)
def test_counts_are_those_of_the_original(task: str) -> None:
    shape, outputs, dense = TASKS[task]
    counter = Counter(shape, outputs, dense=dense)
    for row in ROWS:
        costs = counter.of(Cell.parse(row["string"]))
        parameters, millions = row["counts"][task]
        assert (costs.parameters, costs.multiply_adds) == (parameters, round(millions * 1e6))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("cell", [ALL, WIDENING])
def test_counts_are_those_of_the_network(cell: str, task: str) -> None:
    network, shape = made(cell, task)
    outputs, dense = TASKS[task][1:]
    costs = Counter(shape, outputs, dense=dense).of(Cell.parse(cell))
    assert costs.parameters == count.parameters(network)
    # The original counts biases of the linear layer, and it at one position only.
    others = (shape[1] * shape[2] - 1) * 64 * outputs if dense else 0
    assert costs.multiply_adds == count.multiply_adds(network, shape) - others + outputs


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("sizes", [(12,), (7,), (6, 9)])
def test_networks_answer_in_one_and_two_dimensions(sizes: tuple[int, ...], dense: bool) -> None:
    network = CellNetwork(ALL, 2, 3, dims=len(sizes), dense=dense, channels=4, cells=1)
    costs = Counter((2, *sizes), 3, dense=dense, channels=4, cells=1).of(Cell.parse(ALL))
    assert costs.parameters == count.parameters(network)
    y = network(torch.randn(2, 2, *sizes))
    assert y.shape == ((2, 3, *sizes) if dense else (2, 3))


@pytest.mark.parametrize("number", [0, 1, 9, 123, 1459])
def test_a_cell_adds_up_what_its_edges_bring(number: int) -> None:
    """Against the sum over all paths, edge by edge, written out."""
    torch.manual_seed(0)
    cell = Cell.of(number)
    module = CellModule(cell, 3, 3, 2).double()
    x = torch.randn(2, 3, 5, 6, dtype=torch.float64)
    a, b, c, d, e, f = module.edges
    one = a(x)
    two = b(x) + c(one)
    assert torch.equal(module(x), d(x) + e(one) + f(two))
    assert len(EDGES) == 6


def test_isomorphic_cells_compute_the_same() -> None:
    """Why one cell of a class stands for the others."""
    left = Cell(("skip_connect", "nor_conv_1x1", "avg_pool_3x3", "none", "none", "skip_connect"))
    right = left.changed(1, "avg_pool_3x3").changed(2, "nor_conv_1x1")
    assert left.canonical() == right.canonical()
    one, other = (CellModule(each, 3, 3, 2).double() for each in (left, right))
    state = one.state_dict()
    other.load_state_dict({name.replace("edges.1.", "edges.2."): state[name] for name in state})
    x = torch.randn(2, 3, 5, 6, dtype=torch.float64)
    torch.testing.assert_close(one(x), other(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dense", [False, True])
def test_the_supernet_computes_the_cell_that_is_chosen(dense: bool) -> None:
    torch.manual_seed(0)
    network = Supernet(2, 3, dense=dense, channels=4, cells=1).double()
    cell = Cell.parse(ALL)
    numbers = [OPERATIONS.index(name) for name in cell.operations]
    weights = torch.nn.functional.one_hot(torch.tensor(numbers), len(OPERATIONS)).double()
    x = torch.randn(4, 2, 8, 8, dtype=torch.float64)
    mixed, alone = network(x, weights), network(x, chosen=cell)
    torch.testing.assert_close(mixed, alone, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(network(x, weights, cell), alone, rtol=1e-10, atol=1e-10)
    assert alone.shape == ((4, 3, 8, 8) if dense else (4, 3))
    with torch.no_grad():
        network.alphas.copy_(weights)
    assert network.derive() == cell


def test_the_supernet_learns_its_architecture() -> None:
    network = Supernet(1, 2, dims=1, channels=4, cells=1)
    assert network.alphas.shape == (6, 5)
    assert all(each is not network.alphas for each in network.weights)
    network(torch.randn(2, 1, 8)).sum().backward()
    assert network.alphas.grad is not None
    assert (network.alphas.grad != 0).any()
    norms = [each for each in network.cells[0].modules() if "BatchNorm" in type(each).__name__]
    assert norms
    assert all(each.weight is None and each.running_mean is None for each in norms)
    assert PLAIN.tracks
    assert len(strings()) == 15625
