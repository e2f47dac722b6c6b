"""expert: build the task's network, train it by its recipe, score it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from kit import discovery
from kit.base import networks, recipe
from kit.base.context import Context
from kit.errors import KitError, nearest
from kit.methods.expert.info import ExpertSettings, Option
from kit.seeding import key
from kit.task import Task


class Stages(networks.OneNetwork[ExpertSettings]):
    """The one stage of an expert."""

    def run_stage(self, stage: str, context: Context) -> None:
        """Train the network."""
        settings, network = self.settings, self.network(context)
        fit = getattr(expert(context.task), "fit", recipe.fit)
        _check("fit", fit, settings.fit)
        checkpointer = context.checkpointer(stage, settings.epochs)
        fit(context, checkpointer, network, settings, **settings.fit)
        networks.save(context, network)
        context.finish(checkpointer)

    def network(self, context: Context) -> nn.Module:
        """Return the network, with its first weights."""
        build = expert(context.task).build
        _check("build", build, self.settings.build)
        torch.manual_seed(key(context.spec.seed, "network"))
        network: nn.Module = build(context.input_shape, context.task.outputs, **self.settings.build)
        return network.to(context.device)


def expert(task: Task) -> ModuleType:
    """Return the module of a task's expert: the task's own, else the kit's."""
    if (task.folder / "expert.py").exists():
        return discovery.load("tasks", task.folder, "expert")
    return discovery.load("kit.methods", Path(__file__).parent, task.folder.name)


def _check(name: str, function: Callable[..., object], options: Mapping[str, Option]) -> None:
    """Refuse options that a function does not take by keyword."""
    parameters = signature(function).parameters.values()
    known = [each.name for each in parameters if each.kind is Parameter.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            raise KitError(f"no setting '{name}.{option}'{nearest(option, known)}")
