"""DASH's speed tests (appendix A.3, Figures 2 and 3): one search step of the 1D WRN.

Three variants, each a fair or a labelled comparison:

- ``dense``: every method searches full convolutions.
- ``depthwise``: every method makes layers of equal width depthwise, as the released search does.
- ``released-quirk``: as the released script compares: its own operator depthwise where it can,
  the baselines dense throughout, because a flag of its builder stays off after the first layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import torch
import torch.nn.functional as F
from torch import Tensor

from kit import task
from kit.backbones import backbone
from kit.bench.measure import interleaved, wait_for
from kit.bench.step_times import (
    ConvVariant,
    Point,
    StepTimes,
    file_of,
    load,
    timed_code,
)
from kit.data.folds import Fold, TaskData
from kit.data.prepared import open_prepared
from kit.errors import KitError
from kit.files import write_json
from kit.search import supernet
from kit.settings import DataConfig, convert
from kit.spec import Profile, Tier

TASK = "sequential-mnist"
WIDTH = 16
METHODS = ("auto", "released", "mixed-results", "mixed-weights")
DILATIONS = (1, 3, 7, 15, 31, 63, 127)


@dataclass(frozen=True)
class Scale:
    """What a profile measures: ``steps`` 0 is a whole epoch; at most so many places."""

    batch: int
    steps: int
    rounds: int
    places: int


SCALES: dict[Profile, Scale] = {
    "paper": Scale(batch=128, steps=0, rounds=3, places=99),
    "lite": Scale(batch=2, steps=1, rounds=3, places=99),
    "smoke": Scale(batch=2, steps=1, rounds=1, places=2),
}


@dataclass(frozen=True)
class Place:
    """One place on a figure's axis: x, the length n, K and D."""

    x: int
    length: int
    kernel_sizes: tuple[int, ...]
    dilations: tuple[int, ...]


def places(figure: int) -> list[Place]:
    """Return the places of Figure 2 (c = 1..7 at n = 1000) or 3 (n = 2^5..2^12 at c = 5).

    Raises:
        KitError: it is another figure.
    """
    if figure == 2:
        sizes = tuple(range(3, 16, 2))
        return [Place(c, 1000, sizes[:c], DILATIONS[:c]) for c in range(1, 8)]
    if figure == 3:
        return [Place(2**i, 2**i, (3, 5, 7, 9, 11), DILATIONS[:5]) for i in range(5, 13)]
    raise KitError(f"figure {figure} is no speed test; those of paper dash are 2 and 3")


def measure(
    figure: int,
    profile: Profile,
    tier: Tier,
    *,
    device: str = "cpu",
    progress: Callable[[int, int], None] = lambda *_: None,
) -> StepTimes:
    """Measure a figure, place by place; what is kept from before under like conditions stays.

    Raises:
        KitError: no such figure.
        DataError: the data are not prepared.
    """
    scale = SCALES[profile]
    fold = _fold(profile, tier, torch.device(device))
    steps = scale.steps or fold.batch_count(scale.batch)
    whole = StepTimes(
        figure=figure,
        profile=profile,
        tier=tier,
        device=torch.cuda.get_device_name() if device.startswith("cuda") else "CPU",
        threads=torch.get_num_threads(),
        torch=str(torch.__version__),
        batch=scale.batch,
        steps=steps,
        rounds=scale.rounds,
        points=[],
        code=timed_code(),
    )
    before = load(figure, profile)
    if before is not None and msgspec.structs.replace(before, points=[]) == whole:
        whole = before
    chosen = places(figure)[: scale.places]
    for number, place in enumerate(chosen):
        progress(number, len(chosen))
        if any(point.x == place.x for point in whole.points):
            continue
        points = _measure(place, fold, scale, steps, device)
        whole = msgspec.structs.replace(whole, points=[*whole.points, *points])
        write_json(file_of(figure, profile), whole)
    progress(len(chosen), len(chosen))
    return whole


def _measure(place: Place, fold: Fold, scale: Scale, steps: int, device: str) -> list[Point]:
    """Time every line of all variants in turn, so that what disturbs one disturbs all."""
    work: dict[tuple[str, bool], Callable[[], None]] = {
        (method, separable): _work(place, fold, scale.batch, steps, method, separable)
        for method in METHODS
        for separable in (False, True)
    }
    named = {f"{method}/{separable}": function for (method, separable), function in work.items()}
    wait = wait_for(device)
    times = interleaved(named, rounds=scale.rounds, wait=wait)
    points = []
    for method in METHODS:
        dense, depthwise = times[f"{method}/False"], times[f"{method}/True"]
        quirk = dense if method.startswith("mixed") else depthwise
        lines: Sequence[tuple[ConvVariant, float]] = (
            ("dense", dense),
            ("depthwise", depthwise),
            ("released-quirk", quirk),
        )
        points += [Point(variant, place.x, method, seconds) for variant, seconds in lines]
    return points


def _work(
    place: Place, fold: Fold, batch: int, steps: int, method: str, separable: bool
) -> Callable[[], None]:
    torch.manual_seed(0)
    network = backbone("wide-resnet-1d").build((1, place.length), 10, width=WIDTH)
    sample = torch.zeros(1, 1, place.length)
    net = supernet(
        network,
        sample,
        place.kernel_sizes,
        place.dilations,
        separable=separable,
        method=method,
    ).to(fold.addresses.device)
    optimiser = torch.optim.SGD(net.parameters(), lr=1e-3)

    def work() -> None:
        for x, y in _batches(fold, batch, steps, place.length):
            optimiser.zero_grad(set_to_none=True)
            F.cross_entropy(net(x), y).backward()
            optimiser.step()

    return work


def _batches(fold: Fold, batch: int, steps: int, length: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield images as rows of pixels, cut or padded with zeros to a length."""
    for each in fold.shuffled(batch, 0, "speed", limit=steps):
        missing = length - each.x.shape[-1]
        yield F.pad(each.x, (0, missing)) if missing > 0 else each.x[..., :length], each.y


def _fold(profile: Profile, tier: Tier, device: torch.device) -> Fold:
    found = task.find(TASK)
    config = convert(found.rules, DataConfig, TASK)
    data = TaskData(found, open_prepared(found, tier, profile), device)
    return data.fold("final_fit", config)
