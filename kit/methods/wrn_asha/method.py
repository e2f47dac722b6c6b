"""WRN-ASHA: tune the backbone's training, train it with the best settings found."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from torch import nn

from kit.base.context import Context
from kit.base.method import Method, NetworkContext, Outcome
from kit.base.trial import Trial
from kit.data.loading import Batch
from kit.methods.wrn.method import Wrn
from kit.methods.wrn_asha.info import Configuration, WrnAshaSettings
from kit.methods.wrn_asha.tune import configured, run_trial, tune
from kit.metrics import Prediction


class WrnAsha(Method[WrnAshaSettings]):
    """Two stages: ``tune``, then ``retrain``, which is WRN with the best configuration."""

    def run_stage(self, stage: str, context: Context) -> None:
        """Run one stage."""
        if stage == "tune":
            tune(context, self.settings)
        elif stage == "retrain":
            self._tuned(context).run_stage(stage, context)
        else:
            raise ValueError(f"there is no stage {stage!r}")

    def run_trial(self, context: Context, trial: Trial) -> float | None:
        """Train a configuration and return its score on the validation fold."""
        return run_trial(context, self.settings, trial)

    def predictor(self, context: Context) -> Callable[[Batch], Prediction]:
        """Return the trained network as a function."""
        return self._tuned(context).predictor(context)

    def trained(self, context: Context) -> nn.Module:
        """Return the network with its final weights."""
        return self._tuned(context).trained(context)

    def outcome(self, context: Context) -> Outcome:
        """Describe the network."""
        return self._tuned(context).outcome(context)

    def network(self, context: NetworkContext) -> nn.Module:
        """Return the network, whose size no configuration changes."""
        return Wrn(self.settings).network(context)

    def _tuned(self, context: Context) -> Wrn:
        winner = msgspec.convert(context.output("tune")["configuration"], Configuration)
        return Wrn(configured(self.settings, winner))
