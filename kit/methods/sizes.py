"""Sizes of models that are known without training, on torch's meta device.

A method takes part by a function of its ``Stages``: ``network(context)`` returns the final network
where no search decides on it, ``supernet(context)`` what the search trains.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from kit import discovery
from kit.backbones import count
from kit.method import MethodInfo
from kit.settings import Settings, convert
from kit.spec import RunSpec
from kit.task import Task


@dataclass(frozen=True)
class Blueprint:
    """The part of a ``Context`` that building a network needs; no data, no folder."""

    spec: RunSpec
    task: Task
    settings: Settings

    @property
    def device(self) -> torch.device:
        """Shapes only, no numbers."""
        return torch.device("meta")

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(channels, *spatial) of one input under the method's rules."""
        return self.settings.data.input_shape(self.task.sample_shape)


@dataclass(frozen=True)
class Size:
    """The size of a model: trainable parameters, and multiply-adds for one sample.

    ``searched`` tells that it is the supernet's.
    """

    parameters: int
    multiply_adds: int
    searched: bool


def size(task: Task, info: MethodInfo) -> Size | None:
    """Return the size of a method's model at profile ``paper``, or None where it is not known."""
    if info.applies(task) is not None:
        return None
    spec = info.spec(task, 0, protocol="released", profile="paper", tier="published")
    settings = convert(spec.settings, info.settings_type, f"settings of {spec}")
    stages = discovery.load("kit.methods", info.folder, "stages").Stages(settings)
    searched = not hasattr(stages, "network")
    build = getattr(stages, "supernet" if searched else "network", None)
    if build is None:
        return None
    context = Blueprint(spec, task, settings)
    with torch.device("meta"):
        network = build(context)
    return Size(
        parameters=count.parameters(network),
        multiply_adds=count.multiply_adds(network, context.input_shape),
        searched=searched,
    )
