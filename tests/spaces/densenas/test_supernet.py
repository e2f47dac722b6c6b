"""Supernets: costs, outputs, steps and derivations of the originals, and what must hold of any."""

from __future__ import annotations

import math
from itertools import chain, pairwise, product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kit.spaces.densenas.blocks import parse, text
from kit.spaces.densenas.decoding import best_path, derive
from kit.spaces.densenas.graph import Graph
from kit.spaces.densenas.sampling import rescale, sample
from kit.spaces.densenas.supernet import Supernet
from kit.spaces.densenas.table import SupernetTable
from tests.spaces.densenas import originals
from tests.spaces.densenas.originals import VALUES

PASSES = [name for name, value in VALUES["supernets"].items() if "passes" in value]
SMALL = SupernetTable(((4,), (4, 6), (6, 8, 10), (12,)), (8, 4, 4, 2), (0, 1, 2, 1))


def small(**others: Any) -> Supernet:
    torch.manual_seed(0)
    network = Supernet(SMALL, (2, 16, 16), 3, dense=False, **others)
    with torch.no_grad():
        network.betas.normal_()
        network.alphas.normal_()
    return network


@pytest.mark.parametrize("name", VALUES["supernets"])
def test_weights_are_as_many_as_in_the_originals(name: str) -> None:
    with torch.device("meta"):
        network = originals.supernet(name)
    # The originals have one more for each head, the only operation there: it chooses nothing.
    heads = sum(edge.target != network.graph.tail for edge in network.graph.edges)
    total = sum(each.numel() for each in network.parameters())
    assert total + heads == VALUES["supernets"][name]["parameters"]


@pytest.mark.parametrize("name", VALUES["supernets"])
def test_costs_and_derivations_are_those_of_the_originals(name: str) -> None:
    value = VALUES["supernets"][name]
    network = originals.supernet(name)
    for setting, expected in value["settings"].items():
        originals.learn(network, setting)
        assert float(network.cost().detach()) == pytest.approx(expected["cost"], rel=1e-6)
        found = text([block.entry for block in network.derive()])
        assert found == expected["text"], setting


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("mode", ["eval", "train", "train_op0", "train_op1"])
def test_outputs_are_those_of_the_originals(name: str, mode: str) -> None:
    network, value = filled(name), VALUES["supernets"][name]
    expected = value["passes"][mode]
    network.train(mode != "eval")
    network.chosen = [int(mode[-1])] * len(network.alphas) if "_op" in mode else None
    found = network(originals.sample(value["input"]))
    assert float(found.detach().sum()) == pytest.approx(expected["sum"], rel=1e-9)
    assert found.flatten()[:6].tolist() == pytest.approx(expected["first"], rel=1e-9)
    assert float(network.cost().detach()) == pytest.approx(expected["cost_M"], rel=1e-6)


@pytest.mark.parametrize("name", PASSES)
def test_an_architecture_step_is_that_of_the_originals(name: str) -> None:
    network, value = filled(name), VALUES["supernets"][name]
    expected, step = value["passes"]["train"], value["step"]
    found = network.train()(originals.sample(value["input"]))
    if name == "ecg":
        task_loss = F.cross_entropy(found, torch.tensor([0, 1]))
    else:
        task_loss = F.mse_loss(found, torch.ones_like(found))
    loss = task_loss + 0.2 * network.cost().log() / math.log(3500)
    assert float(loss.detach()) == pytest.approx(expected["arch_loss"], rel=1e-7)
    before = network.alphas.detach().clone()
    adam = torch.optim.Adam(
        [network.betas, network.alphas], 3e-4, betas=(0.5, 0.999), weight_decay=1e-3
    )
    loss.backward()
    assert network.betas.grad is not None
    assert network.betas.grad.tolist() == pytest.approx(flat(expected["grad_betas"]), abs=1e-6)
    adam.step()
    assert first_layers(network, network.alphas) == pytest.approx(
        flat(step["stack_after_adam"]), abs=1e-9
    )
    everything = torch.ones_like(before, dtype=torch.bool)
    shifted = rescale(before, network.alphas, everything)
    assert first_layers(network, shifted) == pytest.approx(
        flat(step["stack_after_rescale"]), abs=1e-9
    )
    assert network.betas.tolist() == pytest.approx(flat(step["betas_after"]), abs=1e-9)


def flat(rows: list[list[float]]) -> list[float]:
    return list(chain.from_iterable(rows))


def filled(name: str) -> Supernet:
    network = originals.supernet(name).double()
    originals.fill(network, network.weights)
    originals.learn(network, "sin")
    return network


def first_layers(network: Supernet, alphas: Tensor) -> list[float]:
    """Both logits of the first layer of each stack, as the values have them."""
    places = [sum(network.graph.layers[:node]) for node in range(1, network.graph.tail)]
    return alphas[places].flatten().tolist()


def chance(graph: Graph, ways: list[float], path: tuple[int, ...]) -> float:
    return math.prod(ways[graph.number[ends]] for ends in pairwise(path))


def test_viterbi_finds_what_enumeration_finds() -> None:
    graph = SMALL.graph
    for seed in range(20):
        draw = torch.Generator().manual_seed(seed)
        ways = torch.rand(len(graph.edges), generator=draw).tolist()
        found = best_path(graph, ways)
        assert chance(graph, ways, found) == max(chance(graph, ways, p) for p in graph.paths())


def test_of_equals_the_nearest_source_and_the_kept_layer() -> None:
    graph = SupernetTable(((4,), (4, 6), (8,)), (8, 4, 4), (0, 0, 1)).graph
    # 0 -> 1 -> 3 is as likely as 0 -> 2 -> 3.
    ways = [0.5, 0.5, 0.0, 1.0, 1.0, 1.0]
    assert [tuple(vars(e).values())[:2] for e in graph.edges] == [
        *((0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (3, 4))
    ]
    assert best_path(graph, ways) == (0, 2, 3, 4)
    assert [block.stack for block in derive(graph, ways, [(0.5, 0.5)])] == [0, 1]
    assert [block.stack for block in derive(graph, ways, [(0.4, 0.6)])] == [0, 0]


@pytest.mark.parametrize("convolutions", [True, False])
def test_the_expected_cost_is_the_mean_over_all_paths(convolutions: bool) -> None:
    """Exactly, by enumeration, and about, by drawing paths and layers."""
    network = small(convolutions=convolutions).double()
    graph, total = network.graph, 0.0
    ways = (network.betas / network.temperature).detach()
    shares = network.alphas.softmax(1)[:, 0].tolist()
    places = [sum(graph.layers[:node]) for node in range(graph.tail + 1)]
    chances = torch.cat([ways[rows].softmax(0) for rows in _rows(graph)]).tolist()
    for path in graph.paths():
        layers = [shares[places[n] + k] for n in path for k in range(graph.layers[n])]
        for kept in product([True, False], repeat=len(layers)):
            p = math.prod(s if k else 1 - s for s, k in zip(layers, kept, strict=True))
            rest = iter(kept)
            counts = [sum(next(rest) for _ in range(graph.layers[n])) for n in path]
            cost = network.costs.of_paths(torch.tensor([path]), torch.tensor([counts]))
            total += chance(graph, chances, path) * p * float(cost)
    assert float(network.cost().detach()) == pytest.approx(total, rel=1e-6)

    draw = torch.Generator().manual_seed(0)
    count, steps = 20_000, graph.tail + 1
    paths = torch.zeros(count, steps, dtype=torch.long)
    moves = torch.zeros(graph.tail + 1, graph.tail + 1)
    moves[graph.tail, graph.tail] = 1
    for edge, p in zip(graph.edges, chances, strict=True):
        moves[edge.source, edge.target] = p
    for step in range(1, steps):
        row = moves[paths[:, step - 1]]
        paths[:, step] = torch.multinomial(row, 1, generator=draw).squeeze(1)
    owners = network.costs.owner
    layers_kept = (torch.rand(count, len(owners), generator=draw) < torch.tensor(shares)).long()
    by_node = torch.zeros(count, steps, dtype=torch.long).index_add(1, owners, layers_kept)
    mean = network.costs.of_paths(paths, by_node.gather(1, paths)).mean()
    assert float(network.cost().detach()) == pytest.approx(float(mean), rel=0.02)


def _rows(graph: Graph) -> list[list[int]]:
    return [[graph.number[e.source, e.target] for e in graph.leaving(n)] for n in range(graph.tail)]


def test_costs_follow_from_the_sizes_of_maps() -> None:
    """By hand: 2 channels of 15 x 9, halved by the stem, then by the head."""
    table = SupernetTable(((4,), (6,)), (2, 1), (0, 1))
    network = Supernet(table, (2, 15, 9), 3, dense=False)
    stem = 9 * 2 * 4 * 8 * 5
    head = (9 * 4 * 6 + 9 * 6 * 6 + 4 * 6) * 4 * 3
    layer = 2 * 9 * 6 * 6 * 4 * 3
    fixed = stem + head + 6 * 6 * 4 * 3 + 6 * 3
    path = torch.tensor([[0, 1, 2]])
    for kept, stack in ((1, layer), (0, layer / 10)):
        found = network.costs.of_paths(path, torch.tensor([[0, kept, 0]]))
        assert float(found) == pytest.approx((fixed + stack) / 1e6, rel=1e-6)
        network.chosen = [1 - kept]
        assert float(network.cost().detach()) == pytest.approx((fixed + stack) / 1e6, rel=1e-6)


def test_a_pass_uses_what_was_sampled_alone() -> None:
    network = small()
    x = torch.randn(2, 2, 16, 16)
    network.chosen = [0, 1] * (len(network.alphas) // 2) + [0] * (len(network.alphas) % 2)
    network(x).sum().backward(inputs=network.weights)
    stacks = [layer for block in network.blocks for layer in block.stack]  # type: ignore[union-attr]
    used = [all(p.grad is not None for p in layer.parameters()) for layer in stacks]
    unused = [all(p.grad is None for p in layer.parameters()) for layer in stacks]
    assert used == [each == 0 for each in network.chosen]
    assert unused == [each == 1 for each in network.chosen]


@pytest.mark.parametrize("widths", [(6,), (6, 8)])
def test_a_second_softmax_changes_the_weights_of_several_ways_to_the_tail(
    widths: tuple[int, ...],
) -> None:
    table = SupernetTable(((4,), widths), (2, 1), (0, 1))
    found = []
    for double in (False, True):
        torch.manual_seed(0)
        network = Supernet(table, (2, 16), 3, dense=False, double_softmax=double)
        found.append((network(torch.ones(2, 2, 16)), network.cost()))
    # With one way its weight is 1 before and after. What paths cost it does not change.
    assert torch.equal(found[0][0], found[1][0]) == (len(widths) == 1)
    assert torch.equal(found[0][1], found[1][1])


def test_what_was_not_sampled_keeps_its_probability() -> None:
    draw = torch.Generator().manual_seed(0)
    before, after = torch.randn(2, 5, 4, generator=draw, dtype=torch.float64)
    sampled = torch.rand(5, 4, generator=draw).argsort(1) < 2
    found = rescale(before, after, sampled)
    assert torch.allclose(found.softmax(1)[~sampled], before.softmax(1)[~sampled])
    inside = torch.where(sampled, found, -torch.inf).softmax(1)
    assert torch.allclose(inside, torch.where(sampled, after, -torch.inf).softmax(1))


def test_operations_are_drawn_as_likely_as_they_are() -> None:
    torch.manual_seed(0)
    logits = torch.tensor([[2.0, 0.0]]).repeat(4000, 1)
    by_logits, uniform = (sum(sample(logits, each)) / 4000 for each in (False, True))
    assert by_logits == pytest.approx(1 / (1 + math.exp(2)), abs=0.03)
    assert uniform == pytest.approx(0.5, abs=0.03)
    assert sample(torch.zeros(0, 2)) == []


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("shape", [(2, 9), (2, 9, 6)])
def test_derived_networks_are_of_the_space(dense: bool, shape: tuple[int, ...]) -> None:
    table = SupernetTable(((4,), (4, 6), (8,)), (4, 4, 4), (0, 1, 2)) if dense else SMALL
    torch.manual_seed(1)
    network = Supernet(table, shape, 3, dense=dense, pad=1)
    found = [block.entry for block in network.derive()]
    assert [block.entry for block in parse(found)] == found
    spatial = tuple(size + 2 for size in shape[1:]) if dense else ()
    assert network(torch.randn(2, *shape)).shape == (2, 3, *spatial)
