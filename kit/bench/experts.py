"""What the experts' own layers take, beside the plain way to compute the same."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypedDict

import torch
import torch.nn.functional as F
from torch import Tensor

from kit.bench.measure import interleaved, torch_threads, wait_for
from kit.methods.expert.darcy_flow import PADDING
from kit.methods.expert.layers.rocket import Rocket
from kit.methods.expert.layers.spectral import SpectralConv2d

# Satellite's series; Darcy Flow's maps as published, thinned by 2, and by 4 as in profile lite.
LENGTH, SIDES = 46, (85, 43, 22)
CHANNELS, MODES = 32, 12
# Series whose features are compared.
COMPARED = 8


Layer = Callable[[Tensor], Tensor]
Answers = Callable[[], Sequence[Tensor]]


class ComparisonCase(NamedTuple):
    """Two ways to the same answers; ``target`` is the most that ours should take, times theirs."""

    name: str
    plain: str
    ours: Answers
    theirs: Answers
    target: float
    difference: float


class LayerComparison(TypedDict):
    """One comparison, of median seconds.

    ``difference`` is the largest one of the answers, relative to the largest answer.
    """

    case: str
    plain: str
    device: str
    seconds: float
    plain_seconds: float
    ratio: float
    target: float
    difference: float


def measure(
    progress: Callable[[int, int], None] = lambda *_: None,
    *,
    kernels: int = 10_000,
    series: int = 256,
    sides: Sequence[int] = SIDES,
    maps: int = 20,
    threads: int | None = None,
    rounds: int = 3,
    device: str = "cpu",
) -> list[LayerComparison]:
    """Time ROCKET's features, and one Fourier layer: forward, and forward and backward.

    Args:
        progress: told what is done, and of how much.
        kernels: how many ROCKET has.
        series: of length 46, at one time.
        sides: of square maps for the Fourier layer; FNO's padding is added.
        maps: at one time.
        threads: None for torch's own choice.
        rounds: how often each is timed; medians count.
        device: ``cpu`` or ``cuda``.
    """
    with torch_threads(threads):
        torch.manual_seed(0)
        cases = [_rocket(kernels, series, device)]
        cases += [case for side in sides for case in _fourier(side, maps, device)]
        rows = []
        for number, case in enumerate(cases):
            progress(number, len(cases))
            times = interleaved(
                {"ours": case.ours, "theirs": case.theirs},
                rounds=rounds,
                wait=wait_for(device),
            )
            rows.append(
                LayerComparison(
                    case=case.name,
                    plain=case.plain,
                    device=device,
                    seconds=times["ours"],
                    plain_seconds=times["theirs"],
                    ratio=times["ours"] / times["theirs"],
                    target=case.target,
                    difference=case.difference,
                )
            )
        return rows


def _rocket(kernels: int, series: int, device: str) -> ComparisonCase:
    rocket = Rocket(LENGTH, kernels).to(device)
    x = torch.randn(series, 1, LENGTH, device=device)
    # In doubles: whether a value is positive may hang on how it was rounded.
    exact, few = copy.deepcopy(rocket).double(), x[:COMPARED].double()
    return ComparisonCase(
        f"ROCKET, {kernels} kernels, {series} series of {LENGTH}",
        "kernel by kernel",
        lambda: [rocket(x)],
        lambda: [kernel_by_kernel(rocket, x)],
        target=0.2,
        difference=_difference([exact(few)], [kernel_by_kernel(exact, few)]),
    )


def _fourier(side: int, maps: int, device: str) -> list[ComparisonCase]:
    layer = SpectralConv2d(CHANNELS, CHANNELS, MODES).to(device)
    shape = (maps, CHANNELS, side + PADDING, side + PADDING)
    x = torch.randn(shape, device=device, requires_grad=True)

    def forward(convolve: Layer) -> Answers:
        return torch.no_grad()(lambda: [convolve(x)])

    def both(convolve: Layer) -> Answers:
        leaves = (x, layer.low, layer.high)
        return lambda: torch.autograd.grad(convolve(x).square().sum(), leaves)

    plain = partial(cut_transform, layer)
    return [
        ComparisonCase(
            f"Fourier layer {what}, {maps} maps of {side} + {PADDING}",
            "transforms and a contraction",
            ours := direction(layer),
            theirs := direction(plain),
            target=1.2,
            difference=_difference(ours(), theirs()),
        )
        for what, direction in (("forward", forward), ("and back", both))
    ]


def _difference(ours: Sequence[Tensor], plain: Sequence[Tensor]) -> float:
    pairs = zip(ours, plain, strict=True)
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


@torch.no_grad()
def kernel_by_kernel(rocket: Rocket, x: Tensor) -> Tensor:
    """Return ROCKET's features by a convolution per kernel: (batch, 1, length) -> (batch, 2 k)."""
    features = x.new_empty(len(x), 2, len(rocket.biases))
    for group in rocket.groups:
        for kernel in range(group.part.start, group.part.stop):
            taps, bias = rocket.weights[kernel, : group.length], rocket.biases[kernel, None]
            values = F.conv1d(x, taps[None, None], bias, 1, group.padding, group.dilation)[:, 0]
            features[:, 0, kernel] = values.amax(1)
            features[:, 1, kernel] = values.gt(0).to(x.dtype).mean(1)
    return features.flatten(1)


def cut_transform(layer: SpectralConv2d, x: Tensor) -> Tensor:
    """Return what the layer returns, by the fast transform of the whole map and back."""
    spectrum = torch.fft.rfft2(x)
    product = spectrum.new_zeros(len(x), layer.low.shape[1], *spectrum.shape[2:])
    modes = layer.low.shape[2]
    for weights, rows in ((layer.low, slice(modes)), (layer.high, slice(-modes, None))):
        kept = spectrum[:, :, rows, :modes]
        product[:, :, rows, :modes] = torch.einsum("bcpq,copq->bopq", kept, weights)
    return torch.fft.irfft2(product, s=x.shape[2:])
