"""expert: builds the task's network and trains it by the recipe of the task's module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from inspect import Parameter, signature
from pathlib import Path

import torch
from torch import nn

from kit import discovery
from kit.base import networks
from kit.base.context import Context
from kit.base.fit import fit
from kit.base.method import NetworkContext
from kit.errors import KitError, nearest
from kit.methods.expert.info import ExpertSettings, Option
from kit.seeding import key
from kit.task import Task
from kit.training.checkpointer import Checkpointer


class ExpertMethod(networks.OneNetwork[ExpertSettings]):
    """One stage, ``train``."""

    def run_stage(self, stage: str, context: Context) -> None:
        """Train the network."""
        settings, network = self.settings, self.network(context)
        train = expert(context.task).fit
        _check("fit", train, settings.fit)
        checkpointer = context.checkpointer(stage, settings.epochs)
        train(context, checkpointer, network, settings, **settings.fit)
        networks.save(context, network)
        context.finish(checkpointer)

    def network(self, context: NetworkContext) -> nn.Module:
        """Return the network, with its initial weights."""
        build = expert(context.task).build
        _check("build", build, self.settings.build)
        torch.manual_seed(key(context.spec.seed, "network"))
        network: nn.Module = build(context.input_shape, context.task.outputs, **self.settings.build)
        return network.to(context.device)


def _fit(
    context: Context, checkpointer: Checkpointer, network: nn.Module, settings: ExpertSettings
) -> None:
    """Train a network whose module defines no ``fit``."""
    fit(context, checkpointer, network, context.fold("final_fit"), settings)


@dataclass(frozen=True)
class Expert:
    """What an expert's module defines; the docstring of ``kit.methods.expert`` explains both."""

    build: Callable[..., nn.Module]
    fit: Callable[..., None] = _fit


def expert(task: Task) -> Expert:
    """Return the expert of a task: the task's own, else the kit's."""
    if (task.folder / "expert.py").exists():
        module = discovery.load("tasks", task.folder, "expert")
    else:
        module = discovery.load("kit.methods", Path(__file__).parent, task.folder.name)
    defined = vars(module)
    return Expert(
        **{each.name: defined[each.name] for each in fields(Expert) if each.name in defined}
    )


def _check(name: str, function: Callable[..., object], options: Mapping[str, Option]) -> None:
    """Refuse options that a function does not take by keyword."""
    parameters = signature(function).parameters.values()
    known = [each.name for each in parameters if each.kind is Parameter.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            raise KitError(f"no setting '{name}.{option}'{nearest(option, known)}")
