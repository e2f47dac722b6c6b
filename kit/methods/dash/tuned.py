"""The stages after DASH's search, ``tune`` and ``retrain``, for any choice of layers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TypeVar

from torch import nn

from kit.base import networks
from kit.base.context import Context
from kit.base.fit import fit
from kit.base.method import Method, Outcome
from kit.base.trial import Trial
from kit.data.loading import Batch
from kit.methods.dash.info import TunedSettings
from kit.methods.dash.tune import final_network, run_trial, training, tune
from kit.metrics import Prediction
from kit.runs.records import ArchitectureRecord
from kit.search import Choices

S = TypeVar("S", bound=TunedSettings)


class TunedNetwork(Method[S]):
    """Two stages, ``tune`` and ``retrain``, of a backbone whose layers are chosen by then."""

    @abstractmethod
    def choices(self, context: Context) -> Choices:
        """Return the kernel size and dilation of each layer."""

    def run_stage(self, stage: str, context: Context) -> None:
        """Run one stage."""
        if stage == "tune":
            tune(context, self.settings)
        elif stage == "retrain":
            self._retrain(context)
        else:
            raise ValueError(f"there is no stage {stage!r}")

    def run_trial(self, context: Context, trial: Trial) -> float:
        """Train the chosen network with a configuration of the grid and return its score."""
        return run_trial(context, self.settings, self.choices(context), trial)

    def predictor(self, context: Context) -> Callable[[Batch], Prediction]:
        """Return the retrained network as a function."""
        network = self.trained(context)
        return networks.predictor(context, network, context.fold("test"), self.settings.loss)

    def trained(self, context: Context) -> nn.Module:
        """Return the retrained network with its final weights."""
        network = final_network(context, self.settings, self.choices(context), 0.0)
        return networks.load(context, network)

    def outcome(self, context: Context) -> Outcome:
        """Describe the retrained network."""
        choices = self.choices(context)
        network = final_network(context, self.settings, choices, 0.0)
        architecture = ArchitectureRecord(
            kind="kernel-dilation",
            version=1,
            value=[[name, k, d] for name, (k, d) in choices.items()],
        )
        return networks.outcome(context, network, architecture)

    def _retrain(self, context: Context) -> None:
        settings, configuration = self.settings, context.output("tune")["configuration"]
        network = final_network(context, settings, self.choices(context), configuration["dropout"])
        checkpointer = context.checkpointer("retrain", settings.retrain.epochs)
        fit(
            context,
            checkpointer,
            network,
            context.fold("final_fit"),
            training(settings, configuration, settings.retrain.epochs),
            speed=settings.speed,
        )
        networks.save(context, network)
        context.finish(checkpointer)
