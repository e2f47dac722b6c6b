"""The part of the method contract that needs torch: the class that ``method.py`` defines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import isabstract
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import nn

from kit import discovery
from kit.base.context import Context
from kit.base.trial import Trial
from kit.data.loading import Batch
from kit.errors import KitError
from kit.method import MethodInfo
from kit.metrics import Prediction
from kit.runs.records import ArchitectureRecord
from kit.settings import Settings, convert
from kit.spec import RunSpec
from kit.task import Task

S = TypeVar("S")
MODULE = "method"


@dataclass(frozen=True)
class Outcome:
    """What a finished run reports besides its scores.

    Attributes:
        architecture: that was searched, drawn or given, if any.
        parameters: trainable ones of the final model.
        macs: its multiply-adds for one sample.
        artifacts: (path below the run's folder, format).
    """

    architecture: ArchitectureRecord | None = None
    parameters: int | None = None
    macs: int | None = None
    artifacts: Sequence[tuple[str, str]] = ()


class NetworkContext(Protocol):
    """What building a network may depend on: a run's facts, not its data or folder.

    A ``Context`` is one; so is ``MetaContext``, with which models are counted on the meta device.
    """

    @property
    def spec(self) -> RunSpec:
        """The run."""

    @property
    def task(self) -> Task:
        """Its task."""

    @property
    def settings(self) -> Settings:
        """The method's settings."""

    @property
    def device(self) -> torch.device:
        """The device for the network's tensors."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(channels, *spatial) of one input."""


class Method(ABC, Generic[S]):
    """A method; ``method.py`` of its folder defines one subclass.

    Every method defines the three abstract hooks. The others have defaults for a method that has no
    network, supernet or trials.

    Args:
        settings: resolved, of its info's ``settings_type``.
    """

    def __init__(self, settings: S) -> None:
        self.settings = settings

    @abstractmethod
    def run_stage(self, stage: str, context: Context) -> None:
        """Run one of its info's stages from its last checkpoint on, and finish it.

        It ends with ``context.finish``. What later stages need is passed there or written to
        ``context.artifacts``, since they may be run by another instance of this class.

        Raises:
            ValueError: there is no such stage.
            KitError: the settings ask for something impossible.
        """

    @abstractmethod
    def predictor(self, context: Context) -> Callable[[Batch], Prediction]:
        """Return the trained model as a function, once all stages are finished.

        Predictions are in the task's shape, whatever the model's own input size.
        """

    @abstractmethod
    def outcome(self, context: Context) -> Outcome:
        """Describe the trained model, once all stages are finished."""

    def network(self, context: NetworkContext) -> nn.Module | None:
        """Return the final network with its initial weights; None where a search decides on it.

        Its size is counted with this, before any run.
        """
        del context
        return None

    def supernet(self, context: NetworkContext) -> nn.Module | None:
        """Return the supernet that a search trains, with initial weights; None if there is none.

        Where ``network`` returns None, the size of this one is counted.
        """
        del context
        return None

    def trained(self, context: Context) -> nn.Module | None:
        """Return the final network with its final weights; None where the model is no network.

        A method that has one can be exported.
        """
        del context
        return None

    def run_trial(self, context: Context, trial: Trial) -> float | None:
        """Train a trial of a stage and return its score, lower is better; None if undefined.

        ``context.map_trials`` and ``halve`` call it, in this process or in others, so it may use
        only the trial, the settings and what earlier stages have written to the run's folder.

        Raises:
            NotImplementedError: the method compares no trials.
            DivergedError: the training failed; such a trial loses against any other.
        """
        del trial
        raise NotImplementedError(f"{context.spec.method} has no run_trial")


def load(info: MethodInfo, spec: RunSpec) -> Method[Any]:
    """Return a run's method with its settings; the code may be that of the method it extends.

    Raises:
        KitError: the settings are of another version, or its class cannot be found.
    """
    settings = convert(spec.settings, info.settings_type, f"settings of {spec}")
    instance: Method[Any] = method_class(info)(settings)
    return instance


def method_class(info: MethodInfo) -> type[Method[Any]]:
    """Return the class that ``method.py`` of a method's folder defines.

    Raises:
        KitError: there is no such file, or not exactly one subclass of ``Method`` in it.
    """
    folder = next((each for each in info.folders if (each / f"{MODULE}.py").exists()), None)
    if folder is None:
        raise KitError(f"{info.folder}: there is no {MODULE}.py, nor in a method that it extends")
    module = discovery.load("kit.methods", folder, MODULE)
    classes = [
        each
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, Method)
        and each.__module__ == module.__name__
        and not isabstract(each)
    ]
    if len(classes) != 1:
        names = ", ".join(each.__name__ for each in classes) or "none"
        raise KitError(
            f"{folder / MODULE}.py: one class is needed that defines run_stage, predictor and "
            f"outcome of kit.base.method.Method; there is {names}"
        )
    return classes[0]
