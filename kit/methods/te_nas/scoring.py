"""The relative decrease of each of TE-NAS's two scores where an operation is removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import torch
from msgspec.structs import replace
from torch import Tensor, nn

from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.methods.te_nas.crops import crops
from kit.methods.te_nas.info import TeNasSettings
from kit.methods.te_nas.ranking import Choice, change
from kit.seeding import key
from kit.spaces.darts.prunable import PrunableSupernet, Remaining, without
from kit.spaces.scores import condition_number, linear_regions, tangent_kernel

Stream = tuple[str | int, ...]


@dataclass(frozen=True)
class Score:
    """One of the two scores.

    Attributes:
        name: part of the keys of its random draws.
        build: returns its supernet, with torch's initial weights.
        fan: mode of Kaiming normal weights.
        shared: whether weights that are drawn once are the same for all choices of a step.
        draw: returns the inputs of a random stream.
        measure: returns the score of a network on inputs.
    """

    name: str
    build: Callable[[], PrunableSupernet]
    fan: Literal["fan_in", "fan_out"]
    shared: bool
    draw: Callable[[Stream], list[Tensor]]
    measure: Callable[[nn.Module, list[Tensor]], float]


def scores(context: Context, settings: TeNasSettings) -> tuple[Score, Score]:
    """Return the condition number of the tangent kernel, and the number of linear regions."""
    options, seed = settings.search, context.spec.seed
    dtype = torch.float64 if settings.speed.precision == "float64" else torch.float32
    fold = context.fold("search")
    plain = context.data.fold("search", replace(settings.data, views={"search": "plain"}))

    def batch(stream: Stream) -> list[Tensor]:
        torch.manual_seed(key(seed, "kernel", *stream))  # for augmentation
        x = next(fold.shuffled(options.kernel_batch, seed, "kernel", *stream, limit=1)).x
        return [x[..., settings.skip :].to(dtype)]

    def samples(stream: Stream) -> list[Tensor]:
        count, size = options.region_samples, options.region_size
        parts = (crops(plain, count, size, seed, *stream, n) for n in range(options.region_batches))
        return [part.to(dtype) for part in parts]

    kernel = Score(
        name="kernel",
        build=lambda: kernel_network(context).to(dtype),
        fan="fan_out",
        shared=True,
        draw=batch,
        measure=lambda network, inputs: condition_number(tangent_kernel(network, *inputs)),
    )
    regions = Score(
        name="regions",
        build=lambda: regions_network(context).to(dtype),
        fan="fan_in",
        shared=False,
        draw=samples,
        measure=linear_regions,
    )
    return kernel, regions


def kernel_network(context: NetworkContext) -> PrunableSupernet:
    """Return the supernet whose tangent kernel is scored, with torch's initial weights."""
    return PrunableSupernet(context.input_shape[0], context.task.outputs).to(context.device)


def regions_network(context: NetworkContext) -> PrunableSupernet:
    """Return the supernet whose linear regions are counted, with torch's initial weights."""
    return PrunableSupernet(1, context.task.outputs, stem=False).to(context.device)


def changes(
    score: Score,
    settings: TeNasSettings,
    seed: int,
    step: int,
    remaining: Remaining,
    choices: Sequence[Choice],
) -> tuple[dict[Choice, float], list[float]]:
    """Return the mean change by removing each choice, and all scores of the unpruned supernet.

    Args:
        score: the score to measure.
        settings: tell how often, and with which weights and samples.
        seed: of the run.
        step: of the search, from 0.
        remaining: the operations of the unpruned supernet.
        choices: candidates for removal.
    """
    options = settings.search
    wholes: list[float] = []

    @cache
    def whole(place: int, repeat: int) -> tuple[PrunableSupernet, list[Tensor], float]:
        weights: Stream = (step,) if score.shared else (step, place)
        if options.initialisation == "anew":
            weights = (step, place, repeat)
        torch.manual_seed(key(seed, score.name, "weights", *weights))
        network = score.build()
        if options.initialisation == "anew":
            initialise(network, score.fan)
        network.remaining = remaining
        inputs = score.draw((step, place, repeat))
        wholes.append(score.measure(network, inputs))
        return network, inputs, wholes[-1]

    means: dict[Choice, float] = {}
    for place, choice in enumerate(choices):
        several = []
        for repeat in range(options.repeats):
            network, inputs, full = whole(place if options.draws == "choice" else 0, repeat)
            network.remaining = without(remaining, choice)
            several.append(change(full, score.measure(network, inputs), options.digits))
        means[choice] = float(np.mean(several))
        if options.draws == "choice":
            whole.cache_clear()
    return means, wholes


def initialise(network: nn.Module, fan: Literal["fan_in", "fan_out"]) -> None:
    """Draw Kaiming normal weights of all convolutions and linear layers; biases are 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, mode=fan, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
