"""What the originals computed, and the numbers that they were given."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kit.spaces.densenas.supernet import Supernet
from kit.spaces.densenas.table import supernet_table

VALUES = json.loads(Path(__file__).with_name("values.json").read_text())


@torch.no_grad()
def fill(network: nn.Module, parameters: Sequence[nn.Parameter]) -> None:
    """Set the k-th number of all parameters together to sin(k), scaled by what it is for."""
    owners = {id(p): (m, n) for m in network.modules() for n, p in m.named_parameters("", False)}
    start = 0
    for each in parameters:
        module, name = owners[id(each)]
        wave = torch.arange(start, start + each.numel(), dtype=torch.float64).sin().view_as(each)
        start += each.numel()
        if name == "bias":
            each.copy_(0.1 * wave)
        elif isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
            each.copy_(wave * math.sqrt(2 * each.shape[0] / each.numel()))
        else:
            each.copy_(1 + 0.1 * wave)


def sample(shape: Sequence[int]) -> Tensor:
    """Return an input whose k-th number is cos(k), in double precision."""
    return torch.arange(math.prod(shape), dtype=torch.float64).cos().view(*shape)


def supernet(name: str, **others: Any) -> Supernet:
    """Return a supernet as the released code has it."""
    value = VALUES["supernets"][name]
    return Supernet(
        supernet_table(name),
        value["cost_shape"],
        value["outputs"],
        dense=value["kind"] == "dense",
        double_softmax=True,
        convolutions=value["kind"] != "1d",
        **others,
    )


@torch.no_grad()
def learn(network: Supernet, setting: str) -> None:
    """Set betas and alphas as one of the settings of the values has them."""
    graph = network.graph
    network.betas.zero_()
    network.alphas.zero_()
    if setting == "sin":
        places = torch.arange(max(len(network.betas), network.alphas.numel())).double()
        network.betas.copy_(places[: len(network.betas)].sin())
        waves = (0.7 * places[: network.alphas.numel()]).sin()
        network.alphas.copy_(waves.view(-1, 2))
    elif setting == "alpha_block":
        network.alphas[:, 0] = 50
    elif setting == "beta_first":
        for node in range(graph.tail):
            network.betas[graph.number[node, graph.leaving(node)[0].target]] = 50
