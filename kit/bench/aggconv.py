"""Time and memory of a forward and backward pass of AggConv, method by method."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

import torch
from torch import nn
from torch.nn import functional as F

from kit.bench.measure import in_fresh_process, interleaved, torch_threads, wait_for
from kit.bench.measure import peak_bytes as growth
from kit.ops import METHODS, agg_conv
from kit.ops.costs import COSTS
from kit.ops.costs import multiply_adds as cost
from kit.ops.phase_plan import serves
from kit.ops.plan import ConvShape

K_2D, K_1D, DILATIONS = (3, 5, 7, 9), (3, 7, 11, 15, 19), (1, 3, 7, 15)
PLAIN = "plain-convolution"
"""Not an AggConv: one convolution with the largest kernel size, undilated, as a unit of time."""
DEFAULT_METHODS = (*[name for name in METHODS if name != "mixed-weights"], "auto", PLAIN)
"""All methods but mixed-weights, whose Dbar² taps take minutes on the shapes with two axes."""


class AggConvTiming(TypedDict):
    """Median seconds of a forward and backward pass; None for what was not asked for.

    ``cold_seconds`` are those of a call with other work before it, ``seconds`` of one after others
    of its kind.
    """

    case: str
    method: str
    seconds: float
    cold_seconds: float | None
    peak_bytes: int | None


@dataclasses.dataclass(frozen=True)
class AggConvCase:
    """A layer shape; depthwise means groups = channels = outputs."""

    name: str
    batch: int
    channels: int
    outputs: int
    sizes: tuple[int, ...]
    depthwise: bool = False
    kernel_sizes: tuple[int, ...] = K_2D
    dilations: tuple[int, ...] = DILATIONS
    stride: int = 1

    @property
    def groups(self) -> int:
        """Groups of the convolution."""
        return self.channels if self.depthwise else 1


def _case(name: str, batch: int, channels: int, outputs: int, *sizes: int) -> AggConvCase:
    kernel_sizes = K_2D if len(sizes) == 2 else K_1D
    return AggConvCase(name, batch, channels, outputs, sizes, " depthwise " in name, kernel_sizes)


CASES = (
    _case("2D depthwise (16,16,32²)", 16, 16, 16, 32, 32),
    _case("2D dense (16,16,32²)→32", 16, 16, 32, 32, 32),
    _case("2D depthwise (16,64,8²)", 16, 64, 64, 8, 8),
    _case("2D depthwise (2,16,128²)", 2, 16, 16, 128, 128),
    _case("2D dense (2,16,128²)→32", 2, 16, 32, 128, 128),
    _case("1D depthwise (8,64,1000)", 8, 64, 64, 1000),
    _case("1D dense (8,64,1000)→64", 8, 64, 64, 1000),
    _case("1D dense (32,64,46)→128", 32, 64, 128, 46),
    _case("1D depthwise (32,128,46)", 32, 128, 128, 46),
)
"""The shapes of the speed and memory table in docs/kernel.md."""

LITE_CASES = (
    _case("lite 2D depthwise (10,16,29²)", 10, 16, 16, 29, 29),
    _case("lite 2D depthwise (10,32,29²)", 10, 32, 32, 29, 29),
    _case("lite 2D depthwise (10,64,29²)", 10, 64, 64, 29, 29),
    _case("lite 2D dense (10,16,29²)→32", 10, 16, 32, 29, 29),
    _case("lite 2D dense (10,32,29²)→64", 10, 32, 64, 29, 29),
)
"""Layers of the CPU-sized Darcy supernet."""

DARCY_CASES = (
    _case("Darcy 2D dense (2,3,85²)→16", 2, 3, 16, 85, 85),
    _case("Darcy 2D dense (2,16,85²)→32", 2, 16, 32, 85, 85),
    _case("Darcy 2D dense (2,32,85²)→64", 2, 32, 64, 85, 85),
)
"""The dense layers of the supernet that `kit bench search` times."""


def supports(case: AggConvCase, method: str) -> bool:
    """Tell whether a method can compute a case."""
    if method == "phases":
        sizes, dilations = case.kernel_sizes, case.dilations
        return serves(ConvShape(case.sizes, sizes, dilations, case.stride, case.groups))
    return method != "toeplitz" or (case.depthwise and len(case.sizes) == 1)


def step(
    case: AggConvCase, method: str, *, memory: str = "fast", device: str = "cpu"
) -> Callable[[], tuple[torch.Tensor, ...]]:
    """Return a function that takes a forward and a backward pass and returns the gradients.

    The gradients are of x, alpha and all weights, in float32; of `PLAIN`, of x and its weight.

    Raises:
        ValueError: an unknown method, or one that cannot compute the case.
    """
    draw = torch.Generator().manual_seed(0)
    axes = len(case.sizes)

    def tensor(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=draw).to(device).requires_grad_()

    x = tensor(case.batch, case.channels, *case.sizes)
    upstream = torch.ones(case.batch, case.outputs, *[-(-n // case.stride) for n in case.sizes])
    upstream = upstream.to(device)
    lines = case.channels // case.groups
    if method == PLAIN:
        k = max(case.kernel_sizes)
        weight = tensor(case.outputs, lines, *[k] * axes)
        convolution = F.conv1d if axes == 1 else F.conv2d

        def plain() -> tuple[torch.Tensor, ...]:
            y = convolution(x, weight, None, case.stride, k // 2, 1, case.groups)
            return torch.autograd.grad(y, [x, weight], upstream)

        return plain
    if method not in (*METHODS, "auto", "autotune") or not supports(case, method):
        raise ValueError(f"method {method!r} does not serve the case {case.name!r}")
    weights = [
        tensor(case.outputs, lines, *[k] * axes) for k in case.kernel_sizes for _ in case.dilations
    ]
    count = len(weights)
    alpha = torch.full((count,), 1.0 / count, device=device).requires_grad_()

    def mixed() -> tuple[torch.Tensor, ...]:
        y = agg_conv(
            x,
            weights,
            alpha,
            case.kernel_sizes,
            case.dilations,
            stride=case.stride,
            groups=case.groups,
            method=method,
            memory=memory,
        )
        return torch.autograd.grad(y, [x, alpha, *weights], upstream)

    return mixed


def other_layer(case: AggConvCase, device: str = "cpu") -> Callable[[], None]:
    """Return a function that takes a training step of a plain layer of the case's shape.

    It stands for the work between two calls of an AggConv in a network: a convolution, its batch
    norm and activation, their backward passes and the optimiser.
    """
    axes = len(case.sizes)
    convolution, norm = (nn.Conv1d, nn.BatchNorm1d) if axes == 1 else (nn.Conv2d, nn.BatchNorm2d)
    layer = nn.Sequential(
        convolution(case.channels, case.outputs, 3, case.stride, 1, bias=False),
        norm(case.outputs),
        nn.ReLU(),
    ).to(device)
    sgd = torch.optim.SGD(layer.parameters(), 0.01, momentum=0.9)
    x = torch.randn(case.batch, case.channels, *case.sizes, device=device)

    def train() -> None:
        sgd.zero_grad()
        layer(x).square().mean().backward()
        sgd.step()

    return train


def measure(
    cases: Sequence[AggConvCase] = CASES,
    methods: Sequence[str] = DEFAULT_METHODS,
    *,
    threads: int | None = None,
    rounds: int = 5,
    seconds: float = 1.0,
    cold: bool = False,
    peaks: bool = True,
    memory: str = "fast",
    device: str = "cpu",
    clock: Callable[[], float] = time.perf_counter,
) -> list[AggConvTiming]:
    """Return a row for each case and each method that can compute it.

    Args:
        cases: layer shapes to time.
        methods: of `METHODS`, "auto", "autotune" or `PLAIN`.
        threads: of torch, for this measurement; None leaves them as they are.
        rounds: at least so many per case.
        seconds: further rounds until so much time has passed.
        cold: also measure each method straight after other work, see `other_layer`.
        peaks: also measure peak memory, on the CPU each method in a process of its own.
        memory: see `agg_conv`.
        device: ``cpu`` or ``cuda``.
        clock: see `interleaved`.

    Raises:
        ValueError: a method that does not exist.
    """
    unknown = set(methods) - {*METHODS, "auto", "autotune", PLAIN}
    if unknown:
        raise ValueError(f"unknown methods {sorted(unknown)}")
    rows: list[AggConvTiming] = []
    with torch_threads(threads) as used:
        for case in cases:
            names = [name for name in methods if supports(case, name)]
            functions = {name: step(case, name, memory=memory, device=device) for name in names}
            between: dict[str, Callable[[], object]] = {}
            if cold:
                between = dict.fromkeys(map(_cold, names), other_layer(case, device))
                functions |= {_cold(name): functions[name] for name in names}
            times = interleaved(
                functions,
                rounds=rounds,
                seconds=seconds,
                between=between,
                wait=wait_for(device),
                clock=clock,
            )
            for name in names:
                peak = None
                if peaks:
                    peak = peak_bytes(case, name, used, memory, device)
                rows.append(
                    {
                        "case": case.name,
                        "method": name,
                        "seconds": times[name],
                        "cold_seconds": times.get(_cold(name)),
                        "peak_bytes": peak,
                    }
                )
    return rows


def _cold(method: str) -> str:
    return f"{method}, cold"


def peak_bytes(case: AggConvCase, method: str, threads: int, memory: str, device: str) -> int:
    """Return a step's peak memory beyond its inputs, in bytes; on the CPU in a fresh process."""
    arguments: dict[str, Any] = {
        "case": dataclasses.asdict(case),
        "method": method,
        "threads": threads,
        "memory": memory,
        "device": device,
    }
    if device.startswith("cuda"):
        return peak_of_a_step(**arguments)
    return int(in_fresh_process("kit.bench.aggconv:peak_of_a_step", **arguments))


def peak_of_a_step(
    case: dict[str, Any], method: str, threads: int, memory: str, device: str
) -> int:
    """Return the peak memory in bytes of a case's first step, after a tiny one, in this process."""
    torch.set_num_threads(threads)
    fields: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in case.items()
    }
    real = AggConvCase(**fields)
    tiny = dataclasses.replace(
        real,
        batch=1,
        channels=2,
        outputs=2 if real.depthwise else 3,
        sizes=(4,) * len(real.sizes),
        kernel_sizes=(3, 5),
        dilations=(1, 2),
    )
    step(tiny, method, memory=memory, device=device)()
    function = step(real, method, memory=memory, device=device)
    return growth(function, device)


def multiply_adds(case: AggConvCase, method: str) -> float | None:
    """Return the multiply-adds of a forward pass by the paper's formulas; None without one."""
    if method not in COSTS:
        return None
    return cost(
        method,
        case.batch,
        case.channels,
        case.outputs,
        case.sizes,
        case.kernel_sizes,
        case.dilations,
        case.groups,
    )


def ratios(
    rows: Sequence[AggConvTiming], reference: str
) -> dict[tuple[str, str], tuple[float, float | None]]:
    """Return by (case, method) the speed-up over a reference method, and the ratio of peak memory.

    A speed-up is the reference's seconds over the method's; the ratio is the method's peak over the
    reference's, None where one was not measured.
    """
    base = {row["case"]: row for row in rows if row["method"] == reference}
    found: dict[tuple[str, str], tuple[float, float | None]] = {}
    for row in rows:
        other = base.get(row["case"])
        if other is None:
            continue
        peak = None
        if row["peak_bytes"] is not None and other["peak_bytes"]:
            peak = row["peak_bytes"] / other["peak_bytes"]
        found[row["case"], row["method"]] = (other["seconds"] / row["seconds"], peak)
    return found
