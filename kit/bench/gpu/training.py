"""Training steps of a network and of a DASH supernet, in each way that is meant to be faster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.backbones import backbone
from kit.bench.measure import interleaved, peak_bytes, wait_for
from kit.search import supernet
from kit.settings import Speed
from kit.training.speed import accelerate

KERNEL_SIZES, DILATIONS = (3, 5, 7, 9), (1, 3, 7, 15)
CLASSES = 10
VARIANTS: dict[str, Speed] = {
    "tf32": Speed(precision="tf32"),
    "bf16": Speed(precision="bf16"),
    "channels_last": Speed(channels_last=True),
    "compile": Speed(compile=True),
    "cuda_graphs": Speed(cuda_graphs=True),
    "bf16, channels_last, compile": Speed(precision="bf16", channels_last=True, compile=True),
}
"""Settings ``speed`` of runs; docs/search.md has what each is."""


@dataclass(frozen=True)
class Shape:
    """Samples and pixels of a batch, the Wide ResNet's width, steps of a training."""

    batch: int = 64
    side: int = 32
    width: int = 4
    steps: int = 10


def _network(shape: Shape) -> nn.Module:
    found: nn.Module = backbone("wide-resnet").build(
        (3, shape.side, shape.side), CLASSES, dense=False, width=shape.width, variant="dash"
    )
    return found


def _supernet(shape: Shape) -> nn.Module:
    sample = torch.zeros(1, 3, shape.side, shape.side)
    return supernet(_network(shape), sample, KERNEL_SIZES, DILATIONS)


NETWORKS: dict[str, Callable[[Shape], nn.Module]] = {
    "Wide ResNet": _network,
    "DASH supernet": _supernet,
}


class Training:
    """A network in training on noise; two with the same arguments start from the same weights."""

    def __init__(self, network: str, speed: Speed, device: str, shape: Shape) -> None:
        torch.manual_seed(0)
        self.network = NETWORKS[network](shape).to(device)
        self.x = torch.randn(shape.batch, 3, shape.side, shape.side, device=device)
        self.y = torch.arange(shape.batch, device=device) % CLASSES
        self.run = accelerate(self.network, speed, axes=2)
        self.sgd = torch.optim.SGD(self.network.parameters(), 0.02, momentum=0.9)

    def step(self) -> Tensor:
        """Take a step and return its loss."""
        self.sgd.zero_grad()
        value = F.cross_entropy(self.run(self.x), self.y)
        value.backward()
        self.sgd.step()
        return value.detach()

    def losses(self, steps: int) -> Tensor:
        """Take some steps and return their losses."""
        torch.manual_seed(1)
        return torch.stack([self.step() for _ in range(steps)]).cpu()


def variant(
    network: str, name: str, device: str, shape: Shape, rounds: int
) -> Iterable[Mapping[str, Any]]:
    """Yield the row of a variant: times and memory beside float32's, and what the losses do.

    Raises:
        KitError: this device has no use for the variant.
    """
    plain = Training(network, Speed(), device, shape)
    other = Training(network, VARIANTS[name], device, shape)
    found, expected = other.losses(shape.steps), plain.losses(shape.steps)
    wait = wait_for(device)
    times = interleaved({"plain": plain.step, "other": other.step}, rounds=rounds, wait=wait)
    yield {
        "network": network,
        "speed": name,
        "seconds": times["other"],
        "float32_seconds": times["plain"],
        "× as fast": times["plain"] / times["other"],
        "peak_bytes": peak_bytes(other.step, device),
        "float32_peak_bytes": peak_bytes(plain.step, device),
        "largest change of a loss": float(((found - expected) / expected).abs().max()),
    }


def twice(network: str, device: str, shape: Shape) -> Iterable[Mapping[str, Any]]:
    """Yield a row: whether two trainings from the same start end at the same bits."""
    one, other = (Training(network, Speed(), device, shape) for _ in range(2))
    losses = [each.losses(shape.steps) for each in (one, other)]
    pairs = zip(one.network.parameters(), other.network.parameters(), strict=True)
    yield {
        "network": network,
        "steps": shape.steps,
        "same bits": "yes" if all(torch.equal(a, b) for a, b in pairs) else "no",
        "largest difference of a loss": float((losses[0] - losses[1]).abs().max()),
    }
