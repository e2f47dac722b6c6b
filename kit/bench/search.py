"""Time of a whole search step of the WRN supernets, method by method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict

import torch

from kit.backbones import backbone
from kit.bench.measure import interleaved
from kit.search import supernet


class Row(TypedDict):
    """Median seconds of a forward pass, a backward pass and a step of the optimiser."""

    case: str
    method: str
    seconds: float
    peak_bytes: None


@dataclass(frozen=True)
class Case:
    """A supernet and its input; the released search makes layers of equal width depthwise."""

    name: str
    backbone: str
    input_shape: tuple[int, ...]
    outputs: int
    dense: bool
    batch: int
    width: int
    kernel_sizes: tuple[int, ...]
    dilations: tuple[int, ...] = (1, 3, 7, 15)
    separable: bool = True


SIZES_1D, SIZES_2D = (3, 7, 11, 15, 19), (3, 5, 7, 9)
CASES = (
    Case("WRN-16-1 on 3x85x85, dense task", "wide-resnet", (3, 85, 85), 1, True, 2, 1, SIZES_2D),
    Case("1D WRN on 4x1000, 36 labels", "wide-resnet-1d", (4, 1000), 36, False, 8, 64, SIZES_1D),
)


def step(case: Case, method: str, device: str = "cpu") -> Callable[[], None]:
    """Return a function that takes one step of the search: weights and alphas together."""
    torch.manual_seed(0)
    network = backbone(case.backbone).build(
        case.input_shape, case.outputs, dense=case.dense, width=case.width, convention="dash"
    )
    x = torch.randn(case.batch, *case.input_shape)
    net = supernet(
        network,
        x[:1],
        case.kernel_sizes,
        case.dilations,
        separable=case.separable,
        method=method,
    ).to(device)
    x = x.to(device)
    optimiser = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, nesterov=True)

    def take() -> None:
        optimiser.zero_grad(set_to_none=True)
        net(x).square().mean().backward()
        optimiser.step()

    return take


def measure(
    cases: Sequence[Case] = CASES,
    methods: Sequence[str] = ("auto", "released", "mixed-results"),
    *,
    threads: int | None = None,
    rounds: int = 3,
    device: str = "cpu",
) -> list[Row]:
    """Return a row for every case and method: interleaved medians, threads as they are or given."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    wait = torch.cuda.synchronize if device.startswith("cuda") else None
    rows: list[Row] = []
    try:
        for case in cases:
            steps = {method: step(case, method, device) for method in methods}
            times = interleaved(steps, rounds=rounds, wait=wait)
            rows += [
                Row(case=case.name, method=m, seconds=times[m], peak_bytes=None) for m in methods
            ]
    finally:
        torch.set_num_threads(before)
    return rows
