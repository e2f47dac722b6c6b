"""Sizes of models that are known without training, on torch's meta device.

A method takes part by a function of its ``Stages``: ``network(context)`` returns the final network
where no search decides on it, ``supernet(context)`` what the search trains.

``python -m kit.base.sizes "TASK METHOD"...`` prints sizes as JSON, for a process that would keep
torch out of its own memory.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import msgspec
import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from kit import discovery, method, task
from kit.method import MethodInfo
from kit.ops import count
from kit.settings import Settings, convert
from kit.spec import RunSpec
from kit.task import Task

# What changes no shape and, without numbers, takes longer than with them.
IDLE = {
    *(Tensor.normal_, Tensor.uniform_, Tensor.relu, functional.relu, functional.gelu),
    *(functional.batch_norm, functional.layer_norm),
}


@dataclass(frozen=True)
class MetaContext:
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
        """(channels, *spatial) of one input under the method's data config."""
        return self.settings.data.input_shape(self.task.sample_shape)


@dataclass(frozen=True)
class Size:
    """The size of a model: trainable parameters, and multiply-adds for one sample.

    ``searched`` tells that it is the supernet's.
    """

    parameters: int
    multiply_adds: int
    searched: bool


def size(the_task: Task, info: MethodInfo) -> Size | None:
    """Return the size of a method's model at profile ``paper``, or None where it is not known."""
    if info.applies(the_task) is not None:
        return None
    spec = info.spec(the_task, 0, protocol="released", profile="paper", tier="published")
    settings = convert(spec.settings, info.settings_type, f"settings of {spec}")
    stages = discovery.load("kit.methods", info.folder, "stages").Stages(settings)
    searched = not hasattr(stages, "network")
    build = getattr(stages, "supernet" if searched else "network", None)
    if build is None:
        return None
    context = MetaContext(spec, the_task, settings)
    with torch.device("meta"), _Shapes():
        network = build(context)
        multiply_adds = count.multiply_adds(network, context.input_shape)
    return Size(count.parameters(network), multiply_adds, searched)


class _Shapes(TorchFunctionMode):
    """Leaves out ``IDLE`` and the drawing of weights; a linear layer is its shape alone."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in IDLE or getattr(func, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        if func is functional.linear and not kwargs:
            return torch.empty(*args[0].shape[:-1], len(args[1]), dtype=args[0].dtype)
        return func(*args, **kwargs)


class _Compiler(ModuleType):
    """Stands in for ``torch._dynamo``, 38 MB, while all that is asked of it is to stay away.

    Operations on the meta device do so by ``disable``; anything else imports the real one.
    """

    disable = staticmethod(lambda function, *_, **__: function)

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def main(pairs: Sequence[str]) -> None:
    """Print the size of each ``TASK METHOD``: an array of its numbers, or null."""
    sys.modules.setdefault("torch._dynamo", _Compiler("torch._dynamo"))
    found = []
    for pair in pairs:
        task_name, method_name = pair.split()
        try:
            each = size(task.find(task_name), method.find(method_name))
        except Exception as error:
            raise SystemExit(f"{method_name} on {task_name}: {error}") from error
        found.append(each and astuple(each))
    print(msgspec.json.encode(found).decode())


if __name__ == "__main__":
    main(sys.argv[1:])
