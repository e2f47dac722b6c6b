"""DASH: search, tune, retrain."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from kit.base import networks
from kit.base.context import Context
from kit.base.fit import fit
from kit.base.method import Method, NetworkContext, Outcome
from kit.base.trial import Trial
from kit.data.loading import Batch
from kit.methods.dash.info import DashSettings
from kit.methods.dash.search import build_supernet, search
from kit.methods.dash.tune import final_network, run_trial, training, tune
from kit.metrics import Prediction
from kit.runs.records import ArchitectureRecord
from kit.search import Choices


class Dash(Method[DashSettings]):
    """Three stages, ``search``, ``tune`` and ``retrain``."""

    def run_stage(self, stage: str, context: Context) -> None:
        """Run one stage."""
        if stage == "search":
            self._search(context)
        elif stage == "tune":
            tune(context, self.settings)
        elif stage == "retrain":
            self._retrain(context)
        else:
            raise ValueError(f"there is no stage {stage!r}")

    def run_trial(self, context: Context, trial: Trial) -> float:
        """Train the found network with a configuration of the grid and return its score."""
        return run_trial(context, self.settings, self._choices(context), trial)

    def predictor(self, context: Context) -> Callable[[Batch], Prediction]:
        """Return the retrained network as a function."""
        network = self.trained(context)
        return networks.predictor(context, network, context.fold("test"), self.settings.loss)

    def trained(self, context: Context) -> nn.Module:
        """Return the retrained network with its final weights."""
        network = final_network(context, self.settings, self._choices(context), 0.0)
        return networks.load(context, network)

    def supernet(self, context: NetworkContext) -> nn.Module:
        """Return what the search trains, with its first weights."""
        sample = torch.empty(1, *context.input_shape, device=context.device)
        return build_supernet(context, self.settings, sample)

    def outcome(self, context: Context) -> Outcome:
        """Describe the retrained network."""
        choices = self._choices(context)
        network = final_network(context, self.settings, choices, 0.0)
        architecture = ArchitectureRecord(
            kind="kernel-dilation",
            version=1,
            value=[[name, k, d] for name, (k, d) in choices.items()],
        )
        return networks.outcome(context, network, architecture)

    def _search(self, context: Context) -> None:
        given = self.settings.architecture
        if given is None:
            search(context, self.settings)
        else:
            final_network(context, self.settings, dict(given), 0.0)  # which it must fit
            layers = [[name, k, d] for name, (k, d) in given.items()]
            context.finish(context.checkpointer("search", 0), architecture=layers)

    def _retrain(self, context: Context) -> None:
        settings, found = self.settings, context.output("tune")["configuration"]
        network = final_network(context, settings, self._choices(context), found["dropout"])
        checkpointer = context.checkpointer("retrain", settings.retrain.epochs)
        fit(
            context,
            checkpointer,
            network,
            context.fold("final_fit"),
            training(settings, found, settings.retrain.epochs),
            speed=settings.speed,
        )
        networks.save(context, network)
        context.finish(checkpointer)

    def _choices(self, context: Context) -> Choices:
        found = context.output("search")["architecture"]
        return {name: (int(k), int(d)) for name, k, d in found}
