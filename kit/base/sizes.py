"""Sizes of models, counted without training on torch's meta device.

A method's hook ``network`` gives the final network where no search decides on it, and ``supernet``
the network that the search trains. The networks of architectures that authors released
(``architectures`` in the method's folder) are counted, too.

``python -m kit.base.sizes "TASK METHOD"...`` prints a line of JSON for each, so that a process can
get sizes without importing torch itself.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import msgspec
import torch
from torch import Tensor
from torch.nn import functional

from kit import method, task
from kit.base.method import load
from kit.errors import KitError
from kit.method import MethodInfo, architectures
from kit.ops import count
from kit.ops.shapes import Shapes
from kit.settings import Settings
from kit.spec import RunSpec
from kit.task import Task

# Operations per element of the input, as counted by the tools behind NAS-Bench-360's Table 8: two
# of a normalisation, which scales and shifts, and one of a pooling.
PER_ELEMENT = {
    **dict.fromkeys((Tensor.relu, functional.relu), 1),
    functional.batch_norm: 2,
}
POOLINGS = {
    *(functional.max_pool1d, functional.max_pool2d),
    *(functional.avg_pool1d, functional.avg_pool2d, functional.adaptive_avg_pool1d),
}


@dataclass(frozen=True)
class MetaContext:
    """The part of a ``Context`` that building a network needs; no data, no folder."""

    spec: RunSpec
    task: Task
    settings: Settings

    @property
    def device(self) -> torch.device:
        """The meta device, whose tensors have shapes but no values."""
        return torch.device("meta")

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(channels, *spatial) of one input under the method's data config."""
        return self.settings.data.input_shape(self.task.sample_shape)


@dataclass(frozen=True)
class Size:
    """The size of a model, for one sample.

    Attributes:
        parameters: those that are trained.
        multiply_adds: of convolutions and linear layers.
        elementwise: operations of normalisations, rectifiers and poolings.
        searched: whether it is the size of a search's network, not of the final one.
        released: (parameters, multiply-adds, elementwise) of each released architecture's network.
    """

    parameters: int
    multiply_adds: int
    elementwise: int
    searched: bool
    released: tuple[tuple[int, int, int], ...] = ()


def size(the_task: Task, info: MethodInfo) -> Size | None:
    """Return the size of a method's model at profile ``paper``, or None where it is unknown."""
    if info.applies(the_task) is not None:
        return None
    counts, released = _counts(the_task, info, []), []
    for seed in sorted(architectures.released(info, the_task.name)):
        given = architectures.override(info, architectures.RELEASED, the_task.name, seed)
        each = _counts(the_task, info, [given])
        if each is not None and not each[1]:
            released.append(each[0])
    if counts is None and not released:
        return None
    # For a search without a supernet, only networks of released architectures are known.
    numbers, searched = counts or (released[0], True)
    return Size(*numbers, searched, tuple(released))


def _counts(
    the_task: Task, info: MethodInfo, overrides: list[str]
) -> tuple[tuple[int, int, int], bool] | None:
    """Return (parameters, multiply-adds, elementwise operations), and whether of a supernet."""
    spec = info.spec(
        the_task, 0, protocol="released", profile="paper", tier="published", overrides=overrides
    )
    the_method = load(info, spec)
    context = MetaContext(spec, the_task, the_method.settings)
    shapes = _Shapes()
    with torch.device("meta"), Shapes():  # operations while building do not count
        network = the_method.network(context)
        searched = network is None
        network = the_method.supernet(context) if network is None else network
    if network is None:
        return None
    multiply_adds = count.multiply_adds(network, context.input_shape, shapes)
    return (count.parameters(network), multiply_adds, shapes.elementwise), searched


class _Shapes(Shapes):
    """Counts elementwise operations, in ``elementwise``, while a network runs."""

    def __init__(self) -> None:
        super().__init__()
        self.elementwise = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in PER_ELEMENT or func in POOLINGS:
            self.elementwise += PER_ELEMENT.get(func, 1) * args[0].numel()
        return super().__torch_function__(func, types, args, kwargs)


def _size(the_task: Task, info: MethodInfo) -> Size | None:
    """Return what ``size`` does; None, too, if samples of a user's own task are too small."""
    try:
        return size(the_task, info)
    except KitError:
        if the_task.about is not None:
            raise
        return None


def main(pairs: Sequence[str]) -> None:
    """Print the size of each ``TASK METHOD`` on a line: an array of its numbers, or of null."""
    gc.freeze()  # else the collector scans the imported modules repeatedly: a fifth of the time
    for pair in pairs:
        task_name, method_name = pair.split()
        try:
            result = _size(task.find(task_name), method.find(method_name))
        except Exception as error:
            raise SystemExit(f"{method_name} on {task_name}: {error}") from error
        print(msgspec.json.encode([result and astuple(result)]).decode(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
