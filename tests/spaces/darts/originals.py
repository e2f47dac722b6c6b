"""Networks as the originals build them, and the numbers that the originals were given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kit.spaces.darts.genotype import Genotype
from kit.spaces.darts.network import LAST_BATCH, DartsNetwork
from kit.spaces.operations import PLAIN

HERE = Path(__file__).parent


def read(name: str) -> Any:
    """Return what a file of values beside this one holds."""
    return json.loads((HERE / name).read_text())


def network(
    genotype: Genotype, inputs: int, outputs: int, dims: int, dense: bool, **sizes: Any
) -> DartsNetwork:
    """Return the evaluation network of a family of the originals: point, dense, 1D."""
    return DartsNetwork(
        genotype,
        inputs,
        outputs,
        dims=dims,
        dense=dense,
        reduction="same" if dims == 1 else "shifted",
        entry=LAST_BATCH,
        norm=PLAIN if dense else LAST_BATCH,
        **sizes,
    )


@torch.no_grad()
def fill(parameters: list[nn.Parameter], factor: float) -> None:
    """Set the n-th number of all parameters together to factor · sin(n)."""
    start = 0
    for each in parameters:
        numbers = torch.arange(start, start + each.numel(), dtype=torch.float64)
        each.copy_((factor * numbers.sin()).view_as(each))
        start += each.numel()


def sample(shape: list[int]) -> Tensor:
    """Return an input whose n-th number is sin(0.1 n), in double precision."""
    count = int(torch.tensor(shape).prod())
    return (0.1 * torch.arange(count, dtype=torch.float64)).sin().view(shape)
